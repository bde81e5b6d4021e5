"""The one loop that trains every experiment: restore, step, log, validate, save, evaluate, draw."""

from __future__ import annotations

import io
import math
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
from threadpoolctl import threadpool_limits

from deeplearn import data
from deeplearn.train.checkpoints import Checkpoints
from deeplearn.train.directory import RunDirectory
from deeplearn.train.experiment import Experiment
from deeplearn.train.launch import Config
from deeplearn.train.logs import MetricsLog, Progress, write_atomically
from deeplearn.train.parallel import Layout, make_layout, start_processes
from deeplearn.train.results import report, rows
from deeplearn.train.state import digest
from deeplearn.train.trainer import Trainer


class Stopped(Exception):
    """The run was asked to stop and has saved its state."""

    def __init__(self, number: int, step: int) -> None:
        super().__init__(f"stopped at step {step}, everything is saved: the same command goes on from there")
        self.signal = number


class Interruption:
    """Ctrl-C and SIGTERM as a wish that the loop looks at after every step.

    Python runs a handler between two of its own instructions, so a signal that arrives while XLA compiles waits
    for the step to end. Once everything is saved (`at_once`), it stops the evaluation where it stands. A second
    Ctrl-C does not wait.
    """

    def __init__(self) -> None:
        self.wanted: int | None = None
        self.at_once: int | None = None
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Interruption:
        several = jax.process_count() > 1
        # With several processes JAX itself listens for SIGTERM and agrees on the step at which all stop.
        for number in (signal.SIGINT,) if several else (signal.SIGINT, signal.SIGTERM):
            self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: Any) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _: Any) -> None:
        if self.at_once is not None:
            raise Stopped(number, self.at_once)
        if self.wanted is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.wanted = number
        if jax.process_count() > 1:
            os.kill(os.getpid(), signal.SIGTERM)


def run(name: str, build: Callable[[Any, Any], Experiment], config: Config) -> dict[str, Any]:
    """Trains what `build(config, dataset)` declares, or goes on with it; returns what results.json holds."""
    begun = time.monotonic()
    start_processes(config.coordinator, config.num_processes, config.process_id)
    layout = make_layout(config.mesh, config.parallel)
    dataset = data.load(config.dataset, config.data_dir or None)
    directory = RunDirectory(Path(config.workdir or f"runs/{name}"), name, config)
    try:
        if (finished := directory.results) is not None:
            _say(f"this run is finished; its results are in {directory.path}/results.json\n\n{report(finished)}")
            return finished
        return _train(name, build(config, dataset), config, layout, directory, begun)
    finally:
        directory.close()


def _say(text: str) -> None:
    if jax.process_index() == 0:
        print(text, flush=True)


def _train(
    name: str, experiment: Experiment, config: Config, layout: Layout, directory: RunDirectory, begun: float
) -> dict[str, Any]:
    progress = Progress(experiment.steps, experiment.watch)
    trainer = Trainer(experiment, config, layout, progress.say)
    directory.claim()
    checkpoints = Checkpoints(directory.checkpoints, experiment.best)
    restored = checkpoints.restore(trainer.abstract, lambda text: print(text, file=sys.stderr))
    step, states, notes = restored or (0, trainer.initial(), {"seconds": 0.0})
    progress.clear()
    before = notes["seconds"]
    _say(_introduction(name, trainer, states, step, directory))
    log = MetricsLog(directory.path, step) if jax.process_index() == 0 else None
    try:
        with Interruption() as interruption:
            states = _steps(trainer, states, step, checkpoints, log, progress, interruption, begun - before)
            interruption.at_once = experiment.steps
            if interruption.wanted is not None:
                raise Stopped(interruption.wanted, experiment.steps)
            return _conclude(name, trainer, states, log, progress, directory, begun - before)
    finally:
        if log:
            log.close()
        checkpoints.close()


def _introduction(name: str, trainer: Trainer, states: list[Any], step: int, directory: RunDirectory) -> str:
    experiment = trainer.experiment
    sizes = {n: sum(math.prod(x.shape) for x in jax.tree.leaves(p)) for n, p in trainer.abstract_one.params.items()}
    networks = ", ".join(f"{network} {size:,}" for network, size in sizes.items())
    devices = jax.devices()
    where = f"{trainer.layout.mesh.size if trainer.layout.mesh else 1} {devices[0].platform} device(s)"
    splits = "/".join(
        str(len(s)) for s in (experiment.data.train, experiment.data.validation, experiment.data.test)
    )
    return (
        f"{name}: {sum(sizes.values()):,} parameters ({networks}); {experiment.data.name} {splits}; "
        f"{experiment.steps} steps, {trainer.config.replicas} seed(s), {where}; in {directory.path}"
        + (f"; going on from step {step}" if step else "")
    )


def _steps(
    trainer: Trainer,
    states: list[Any],
    step: int,
    checkpoints: Checkpoints,
    log: MetricsLog | None,
    progress: Progress,
    interruption: Interruption,
    started: float,
) -> list[Any]:
    """All steps that are left; the canonical states at the end, saved."""
    experiment, config = trainer.experiment, trainer.config
    pending: list[tuple[int, Any]] = []  # metrics still on the device: fetched a step later, dispatch never waits

    def flush() -> None:
        for at, metrics in pending:
            stage, values = trainer.read(at, metrics)  # raises where something is not finite
            progress.note(values)
            if log:
                log.write(at, stage, "train", values)
        pending.clear()

    def save(wait: bool = False) -> None:
        if step in checkpoints.steps():  # a run that was stopped here goes on: nothing is new
            return
        flush()
        trainer.check(states)
        canonical = [trainer.layout.canonical(state) for state in states]
        values: dict[str, np.ndarray] = {}
        if step % config.checkpoint_every == 0 or step == experiment.steps:
            values = trainer.validate(canonical)
            progress.note(values)
            if log and values:
                log.write(step, experiment.stages[experiment.stage_at(step - 1)].name, "validation", values)
        metrics = {key: float(value.mean()) for key, value in values.items()}
        checkpoints.save(step, canonical, metrics, {"seconds": time.monotonic() - started}, wait)

    states = [trainer.layout.place(state) for state in states]
    while step < experiment.steps:
        states, metrics, step = trainer.advance(states, step)
        flush()
        if step % config.log_every == 0 or step in trainer.ends:
            pending.append((step, metrics))
        progress.update(step, experiment.stages[experiment.stage_at(step - 1)].name)
        stop = interruption.wanted is not None
        if jax.process_count() > 1:
            stop = checkpoints.manager.reached_preemption(step)
        if step in trainer.ends and step < experiment.steps:
            flush()
            states = trainer.enter(step, states)
        if stop and step < experiment.steps:
            save(wait=True)
            progress.clear()
            raise Stopped(interruption.wanted or signal.SIGTERM, step)
        if step % config.checkpoint_every == 0 and step < experiment.steps:
            save()
    save(wait=True)
    progress.clear()
    return [trainer.layout.canonical(state) for state in states]


def _conclude(
    name: str,
    trainer: Trainer,
    states: list[Any],
    log: MetricsLog | None,
    progress: Progress,
    directory: RunDirectory,
    started: float,
) -> dict[str, Any]:
    """Evaluates on the test split, runs the baselines, draws, and writes results.json last of all."""
    experiment, config = trainer.experiment, trainer.config
    progress.say("evaluating on the test split ...")
    replicas = trainer.trained(states)
    measured = [experiment.evaluate(trained, experiment.data) for trained in replicas]
    metrics, rivals = rows(measured)
    if log is None:  # another process writes
        return {}
    log.write(
        experiment.steps,
        experiment.stages[-1].name,
        "test",
        {key: np.array(value["mean"]) for key, value in metrics.items()},
    )
    progress.say("running the baselines ...")
    # Small matrices: several BLAS threads only wait for each other, on a busy machine a hundredfold.
    with threadpool_limits(1):
        others = experiment.baselines(replicas[0], experiment.data)
    baselines = rivals | {key: dict(value) for key, value in others.items()}
    progress.say("drawing ...")
    concluded = experiment.conclude(measured)
    verdicts = {title: text for title, text in concluded.items() if isinstance(text, str)}
    pictures = {title: picture for title, picture in concluded.items() if title not in verdicts}
    pictures |= experiment.figures(replicas[0], experiment.data)
    for title, picture in pictures.items():
        buffer = io.BytesIO()
        picture.save(buffer, format="PNG")
        write_atomically(directory.figures / f"{title}.png", buffer.getvalue())
    progress.clear()
    seconds = time.monotonic() - started
    results = {
        "experiment": name,
        "dataset": experiment.data.name,
        "steps": experiment.steps,
        "seconds": round(seconds, 1),
        "replicas": config.replicas,
        "digest": digest([trained.variables["params"] for trained in replicas]),
        "metrics": metrics,
        "baselines": baselines,
        "published": {key: dict(value) for key, value in experiment.published.items()},
    }
    if verdicts:
        results["verdicts"] = verdicts
    directory.write_results(results)
    drawn = ", ".join(sorted(file.name for file in directory.figures.glob("*.png"))) or "none"
    _say(f"\n{report(results)}\n\n{seconds:.0f} s; results, metrics and figures ({drawn}) in {directory.path}")
    return results
