"""Steps a second of every experiment at its defaults, in its last stage, on this machine's first device.

    python -m benchmarks.steps_per_second
    python -m benchmarks.steps_per_second convolution.cnn convolution.claims

Without names all experiments are measured.
"""

from __future__ import annotations

import importlib
import statistics
import sys
import time
from collections.abc import Sequence

import jax

from deeplearn import data
from deeplearn.train.launch import parse
from deeplearn.train.parallel import Layout
from deeplearn.train.trainer import Trainer
from experiments.__main__ import listing

ROUNDS, SECONDS = 5, 2.0


def measure(name: str) -> tuple[float, float]:
    """(median steps a second, seconds from the state to the end of the first step)."""
    module = importlib.import_module(name)
    config = parse(module.Config, ["--steps=1000000", "--log_every=100", "--checkpoint_every=1000000"])
    experiment = module.build(config, data.load(config.dataset))
    trainer = Trainer(experiment, config, Layout())
    step = experiment.starts()[-1]
    states = trainer.initial()
    if step:
        states = trainer.enter(step, states)
    start = time.perf_counter()
    states, _, step = trainer.advance(states, step)
    jax.block_until_ready(states)
    first = time.perf_counter() - start
    rates = []
    for _ in range(ROUNDS):
        start, begun = time.perf_counter(), step
        while time.perf_counter() - start < SECONDS:
            states, _, step = trainer.advance(states, step)
            jax.block_until_ready(states)
        rates.append((step - begun) / (time.perf_counter() - start))
    return statistics.median(rates), first


def main(chosen: Sequence[str] = ()) -> None:
    if unknown := sorted(set(chosen) - {name.removeprefix("experiments.") for name in listing()}):
        sys.exit(f"there is no experiment {unknown[0]!r}: python -m experiments lists them")
    print(f"steps a second at the defaults, {jax.devices()[0].device_kind}")
    for name in [f"experiments.{name}" for name in chosen] or listing():
        rate, first = measure(name)
        print(f"  {name.removeprefix('experiments.'):30s} {rate:9.1f} steps/s   first step after {first:.1f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
