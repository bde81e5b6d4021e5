"""The end of a run: measure, compare, decide, draw. Each number is in results.json as soon as it is there."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from deeplearn.errors import UserError
from deeplearn.measured import Measured
from deeplearn.train import evaluation
from deeplearn.train.directory import RunDirectory
from deeplearn.train.experiment import Report
from deeplearn.train.logs import MetricsLog, Progress
from deeplearn.train.provenance import provenance
from deeplearn.train.results import UNFINISHED, Replica, replica_values
from deeplearn.train.state import State, digest
from deeplearn.train.trainer import Trainer


def left_out_of(progress: Progress, directory: RunDirectory) -> evaluation.LeftOut:
    """What a run leaves out is said on standard error, in place of the progress bar."""

    def say(text: str) -> None:
        progress.clear()
        print(text, file=sys.stderr, flush=True)

    return evaluation.LeftOut(say, directory.path / "errors.log")


def conclude(
    name: str,
    trainer: Trainer,
    states: list[State],
    log: MetricsLog | None,
    progress: Progress,
    directory: RunDirectory,
    started: float,
    left_out: evaluation.LeftOut,
) -> tuple[dict[str, Any], list[str]]:
    """(what results.json holds, titles of the figures); nothing in processes that do not write.

    results.json is written after each replica's evaluation, after each baseline, and finally with the verdicts and
    with what the figures left out; until then it says what is missing, and the same command measures again.
    """
    experiment, config = trainer.experiment, trainer.config
    progress.say("evaluating on the test split ...")
    replicas = trainer.trained(states)
    rows: dict[str, Measured] = {}  # of the first that can be measured, with their arrays
    first = replicas[0]
    each: list[Replica | None] = []
    others: dict[str, Measured] = {}
    verdicts: dict[str, str] = {}
    facts = {
        "digest": digest([trained.variables["params"] for trained in replicas]),
        **provenance(),
    }
    published = evaluation.published(experiment, left_out)

    def write(missing: str = "") -> dict[str, Any]:
        measured = [replica for replica in each if replica is not None]
        metrics, beside = evaluation.tables(measured, others)
        results = {
            "experiment": name,
            "dataset": experiment.data.name,
            "steps": experiment.steps,
            "seconds": round(time.monotonic() - started, 1),
            "replicas": config.replicas,
            "seeds": [config.seed + replica for replica in range(config.replicas)],
            **facts,
            "metrics": metrics,
            "baselines": beside,
            "replica_values": replica_values(each),
            "published": published,
            "verdicts": verdicts,
            "left_out": left_out.reasons,
            **({"alarms": log.alarms} if log and experiment.alarms else {}),
            **({UNFINISHED: missing} if missing else {}),
        }
        directory.write_results(results)
        return results

    for trained, found in zip(
        replicas, evaluation.measure(experiment, replicas, config.seed, left_out), strict=True
    ):
        each.append(None if found is None else {row: one.metrics for row, one in found.items()})
        rows, first = (rows, first) if rows or found is None else (found, trained)
        if log:
            write("further seeds, baselines, verdicts and figures")
    if log is None:
        return {}, []
    measured = [replica for replica in each if replica is not None]
    _log_test(log, trainer, measured)
    progress.say("running the baselines ...")
    for row, one in evaluation.baselines(experiment, first, left_out, rows):
        others[row] = one
        write("further baselines, verdicts and figures")
    verdicts |= evaluation.verdicts(experiment.claims, measured, others, left_out)
    progress.say("drawing ...")
    whole = Report(rows | others, measured, first, experiment.data)
    drawn = _drawn(experiment, whole, directory, left_out)
    progress.clear()
    return write(), drawn


def _log_test(log: MetricsLog, trainer: Trainer, measured: list[Replica]) -> None:
    ours, _ = evaluation.tables(measured, {})
    means = {metric: np.array(np.nan if (mean := one["mean"]) is None else mean) for metric, one in ours.items()}
    log.write(trainer.experiment.steps, trainer.experiment.stages[-1].name, "test", means)


def _drawn(experiment: Any, report: Report, directory: RunDirectory, left_out: evaluation.LeftOut) -> list[str]:
    def nothing_measured() -> Mapping[str, Any]:
        raise UserError("no replica could be measured")

    if not report.replicas:
        left_out.attempt("every figure", nothing_measured)
        return []
    return evaluation.draw(experiment, report, directory.figures, left_out)
