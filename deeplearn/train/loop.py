"""The one loop that trains every experiment: restore, step, log, validate, save, evaluate, draw."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from deeplearn import data
from deeplearn.errors import UserError
from deeplearn.interruption import INTERRUPTION, Stopped, stopped_at
from deeplearn.train import evaluation
from deeplearn.train.alarms import Watch
from deeplearn.train.checkpoints import Checkpoints
from deeplearn.train.conclusion import conclude, left_out_of
from deeplearn.train.config import Config
from deeplearn.train.directory import RunDirectory
from deeplearn.train.experiment import Build, Experiment
from deeplearn.train.hosts import Agreement, start_processes, together
from deeplearn.train.logs import MetricsLog, Progress, write_atomically
from deeplearn.train.longer import hindrance
from deeplearn.train.parallel import MODEL, Layout, make_layout
from deeplearn.train.results import failed, report
from deeplearn.train.trainer import Trainer
from deeplearn.train.trees import at


def run(name: str, build: Build, config: Config, source: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Trains what `build(config, dataset)` declares, or resumes it; returns what results.json holds.

    source: where readers of the run find `build` again, from `deeplearn.train.launch.source`.
    """
    begun = time.monotonic()
    start_processes(config.coordinator, config.num_processes, config.process_id)
    with contextlib.ExitStack() as cleanup:
        with together(identity := {"experiment": name, **dataclasses.asdict(config)}):
            layout = make_layout(config.mesh, config.parallel)
            directory = RunDirectory(workdir(name, config), name, config, source or {"module": build.__module__})
            cleanup.callback(directory.close)
            finished = directory.finished
            if finished is None or directory.recovered:
                dataset = data.load(config.dataset, config.data_dir or None)
            if finished is None:
                if jax.process_count() > 1:
                    identity["data"] = dataset.fingerprint()
                experiment = _built(build, config, dataset)
                if directory.fewer is not None:
                    shorter = dataclasses.replace(config, steps=directory.fewer)
                    _check_longer(_built(build, shorter, dataset), experiment, shorter, config, directory)
        if finished is None:
            return _train(name, experiment, dataset, config, layout, directory, begun)
        if directory.recovered:
            directory.claim(dataset)
        _say(f"this run is finished; its results are in {directory.path}/results.json\n\n{report(finished)}")
        if finished["left_out"]:
            _say("\nremove results.json to try again what is left out: the same command then trains nothing")
        return finished


def _built(build: Build, config: Config, dataset: data.Dataset) -> Experiment:
    if not isinstance(experiment := build(config, dataset), Experiment):
        raise UserError(f"build should return an Experiment, not {experiment!r}")
    return experiment


def _check_longer(
    before: Experiment, after: Experiment, shorter: Config, config: Config, directory: RunDirectory
) -> None:
    """UserError where a run cannot be continued to more steps as if it had been started with them."""
    if reason := hindrance(Trainer(before, shorter, Layout()), Trainer(after, config, Layout())):
        raise UserError(
            f"the run in {directory.path} is of {shorter.steps} steps and cannot be continued to {config.steps}, "
            f"because {reason}: give its --steps, or start a new run in another --workdir"
        )
    _say(f"the run of {shorter.steps} steps is continued to {config.steps}")


def workdir(name: str, config: Config) -> Path:
    if "://" in config.workdir:
        raise UserError(f"--workdir={config.workdir} is an address: name a directory of this machine")
    return Path(os.path.expanduser(config.workdir or f"runs/{name}"))


def _say(text: str) -> None:
    if jax.process_index() == 0:
        print(text, flush=True)


def _train(
    name: str,
    experiment: Experiment,
    dataset: data.Dataset,
    config: Config,
    layout: Layout,
    directory: RunDirectory,
    begun: float,
) -> dict[str, Any]:
    progress = Progress(experiment.steps, [experiment.best.removeprefix("-")] if experiment.best else [])
    with together({}):
        trainer = Trainer(experiment, config, layout, progress.say)
        directory.claim(dataset)
    checkpoints = Checkpoints(directory.checkpoints, experiment.best, directory.identity)
    restored = checkpoints.restore(trainer.abstract, lambda text: print(text, file=sys.stderr), directory.stranger)
    step, states, notes = restored or (0, trainer.initial(), {"seconds": 0.0})
    progress.clear()
    before = notes["seconds"]
    _say(
        "\n".join(
            [_introduction(name, trainer, states, step, directory), *(f"data: {note}" for note in dataset.notes)]
        )
    )
    with together({}):
        log = MetricsLog(directory.path, step) if jax.process_index() == 0 else None
    left_out = left_out_of(progress, directory)
    try:
        with INTERRUPTION.handled():
            started = begun - before
            states = _steps(trainer, states, step, checkpoints, log, progress, directory, started, left_out)
            INTERRUPTION.saved(experiment.steps)
            results, drawn = conclude(name, trainer, states, log, progress, directory, started, left_out)
            if log:
                pictures = ", ".join(f"{title}.png" for title in sorted(drawn)) or "none"
                files = f"results, metrics and figures ({pictures}) in {directory.path}"
                _say(f"\n{report(results)}\n\n{results['seconds']:.0f} s; {files}")
                if not results["metrics"] and failed(results):
                    again = "the same command trains nothing and tries again"
                    raise UserError(f"nothing could be measured ({failed(results)[0]}): {again}")
            return results
    finally:
        if log:
            log.close()
        checkpoints.close()


def _introduction(name: str, trainer: Trainer, states: list[Any], step: int, directory: RunDirectory) -> str:
    experiment = trainer.experiment
    params = trainer.abstract_one.params
    total = sum(math.prod(x.shape) for x in jax.tree.leaves(params))
    named = [path for stage in trainer.groups for group in stage for path in group.paths if path]
    sizes = {
        "/".join(path): sum(math.prod(x.shape) for x in jax.tree.leaves(at(params, path)))
        for path in dict.fromkeys(named)
    }
    networks = ", ".join(f"{network} {size:,}" for network, size in sizes.items())
    devices = jax.devices()
    where = f"{trainer.layout.mesh.size if trainer.layout.mesh else 1} {devices[0].platform} device(s)"
    splits = "/".join(
        str(len(s)) for s in (experiment.data.train, experiment.data.validation, experiment.data.test)
    )
    return (
        f"{name}: {total:,} parameters{f' ({networks})' if networks else ''}; {experiment.data.name} {splits}; "
        f"{experiment.steps} steps, {trainer.config.replicas} seed(s), {where}; in {directory.path}"
        + (f"; resuming from step {step}" if step else "")
        + _smaller_batches(trainer)
        + _not_split(trainer)
    )


def _not_split(trainer: Trainer) -> str:
    """A line where a mesh has a model axis over which nothing is split."""
    mesh = trainer.layout.mesh
    if mesh is None or mesh.shape.get(MODEL, 1) == 1 or trainer.layout.splits:
        return ""
    return (
        "\nEvery device holds all parameters: they are not split where there are convolutions, which XLA would "
        "compute wrongly; --mesh=data:N uses all devices for batches"
    )


def _smaller_batches(trainer: Trainer) -> str:
    """A line where batch norm does not see whole batches: its numbers then differ from those of the same batch."""
    config, layout = trainer.config, trainer.layout
    parts = config.accumulate * (layout.ways if layout.pmap else 1)
    if parts == 1 or "batch_stats" not in trainer.abstract_one.collections:
        return ""
    return (
        f"\nbatch norm takes its statistics over {config.batch_size // parts} examples, not {config.batch_size}: "
        "--accumulate and --parallel=pmap cut the batch before it"
    )


def _steps(
    trainer: Trainer,
    states: list[Any],
    step: int,
    checkpoints: Checkpoints,
    log: MetricsLog | None,
    progress: Progress,
    directory: RunDirectory,
    started: float,
    left_out: evaluation.LeftOut,
) -> list[Any]:
    """Takes all remaining steps; returns the canonical states at the end, saved."""
    experiment, config = trainer.experiment, trainer.config
    sample_every = config.sample_every or max(1, experiment.steps // 10)
    samples = experiment.sheet is not None or experiment.curves is not None
    pauses = (config.log_every, config.checkpoint_every, *([sample_every] if samples else []))
    watch = Watch(experiment.alarms, config.seed)
    pending: list[tuple[int, Any]] = []  # still on the device: fetched a step later, so dispatch never waits

    def flush() -> None:
        for taken, metrics in pending:
            stage, values = trainer.read(taken, metrics)  # raises if something is not finite
            progress.note(values)
            if log:
                log.write(taken, stage, "train", values)
                for sentence in watch.sentences(taken, values):
                    log.warn(taken, stage, sentence)
                    progress.clear()
                    _say(sentence)
        pending.clear()

    def save(wait: bool = False) -> None:
        if step in checkpoints.steps():  # a run that was stopped here is resumed: nothing is new
            return
        flush()
        trainer.check(states)
        canonical = [trainer.layout.canonical(state) for state in states]
        values: dict[str, np.ndarray] = {}
        if step % config.checkpoint_every == 0 or step == experiment.steps:
            values = left_out.unless_failed("the validation", lambda: trainer.validate(canonical)) or {}
            progress.note(values)
            if log and values:
                log.write(step, experiment.stages[experiment.stage_at(step - 1)].name, "validation", values)
        metrics = {key: float(value.mean()) for key, value in values.items()}
        checkpoints.save(step, canonical, metrics, {"seconds": time.monotonic() - started}, wait)

    def sample() -> None:
        """Samples or reconstructions of the first replica, as they look by now, and their numbers."""
        if log is None or not samples:
            return
        replicas = trainer.trained([trainer.layout.canonical(state) for state in states])
        if experiment.curves:
            curves = functools.partial(_curves, experiment.curves, replicas, experiment.data)
            if values := left_out.unless_failed("the curve of samples", curves):
                log.write(step, experiment.stages[experiment.stage_at(step - 1)].name, "samples", values)
        if experiment.sheet is None:
            return
        sheet = functools.partial(evaluation.picture_of, experiment.sheet, replicas[0], experiment.data)
        if (picture := left_out.unless_failed("the sheet of samples", sheet)) is not None:
            png = evaluation.as_png(picture)
            write_atomically(directory.samples / f"{step:0{len(str(experiment.steps))}}.png", png)
            log.events.picture(step, "samples", png, picture.size)

    states = [trainer.layout.place(state) for state in states]
    agreement = Agreement()
    while step < experiment.steps:
        pause = min((step // every + 1) * every for every in pauses)
        states, metrics, step = trainer.advance(states, step, pause)
        INTERRUPTION.saving = True
        flush()
        if step % config.log_every == 0 or step in trainer.ends:
            pending.append((step, metrics))
        progress.update(step, experiment.stages[experiment.stage_at(step - 1)].name)
        stop = agreement.stop()
        if step in trainer.ends and step < experiment.steps:
            flush()
            states = trainer.enter(step, states)
        if step % sample_every == 0 or step == experiment.steps:
            sample()
        if stop and step < experiment.steps:
            save(wait=True)
            progress.clear()
            raise Stopped(INTERRUPTION.wanted or signal.SIGTERM, stopped_at(step))
        if step % config.checkpoint_every == 0 and step < experiment.steps:
            save()
    save(wait=True)
    progress.clear()
    if agreement.stop_at_the_end():
        raise Stopped(INTERRUPTION.wanted or signal.SIGTERM, stopped_at(step))
    return [trainer.layout.canonical(state) for state in states]


def _curves(curves: Callable[..., Mapping[str, float]], replicas: list[Any], dataset: Any) -> dict[str, np.ndarray]:
    rows = [curves(trained, dataset) for trained in replicas]
    return {name: np.array([row[name] for row in rows], float) for name in rows[0]}
