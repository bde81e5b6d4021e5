"""What the loop costs: the tiny MLP 64-128-10, batch 32, Adam, against the same step written bare.

The bare step is what a user would write without this project: a jitted function with donated state, fed by the same
stream, its loss fetched every 100 steps. Ours does the same and more (norms, a check of every metric), once with a
dispatch a step, once with steps in one compiled loop. A second bare step beside the first shows the noise.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable

import jax
import numpy as np
import optax

from benchmarks.paired import interleaved, ratio
from deeplearn import data
from deeplearn.losses.classification import cross_entropy
from deeplearn.models.mlp import MLP
from deeplearn.train import Batch, Losses, Turn
from deeplearn.train.flags import parse
from deeplearn.train.parallel import Layout
from deeplearn.train.trainer import Trainer
from experiments.foundations import mlp

STEPS, ROUNDS = 1000, 9
FLAGS = (
    "--hidden=128",
    "--batch_size=32",
    "--dropout=0",
    "--noise=0",
    "--steps=1000000",
    "--checkpoint_every=1000000",
)


def plain(model: MLP, batch: Batch) -> Losses:
    return cross_entropy(model(batch["image"]), batch["label"])


def bare(trainer: Trainer) -> Callable[[], None]:
    model, stage = trainer.experiment.model, trainer.experiment.stages[0]
    optimizer = stage.optimizer(())
    params = trainer.initial()[0].params
    carry = [params, optimizer.init(params)]

    def step(params, opt_state, image, label):
        def loss(params):
            logits = model.apply({"params": params}, image)
            return optax.softmax_cross_entropy_with_integer_labels(logits, label).mean()

        value, grads = jax.value_and_grad(loss)(params)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        return optax.apply_updates(params, updates), opt_state, value

    compiled = jax.jit(step, donate_argnums=(0, 1))
    stream = data.stream(trainer.experiment.data.train, 32, 0)

    def train() -> None:
        for number in range(STEPS):
            batch = stream.batch(number)
            carry[0], carry[1], value = compiled(carry[0], carry[1], batch["image"], batch["label"])
            if number % 100 == 99:
                float(value)
        jax.block_until_ready(carry)

    return train


def ours(trainer: Trainer) -> Callable[[], None]:
    carry = [trainer.initial(), 0]

    def train() -> None:
        end = carry[1] + STEPS
        while carry[1] < end:
            carry[0], metrics, carry[1] = trainer.advance(carry[0], carry[1], (carry[1] // 100 + 1) * 100)
            if carry[1] % 100 == 0:
                trainer.read(carry[1], metrics)
        jax.block_until_ready(carry[0])

    return train


def main() -> None:
    config = parse(mlp.Config, FLAGS)
    experiment = mlp.build(config, data.load("digits"))
    # The bare step draws no noise and keeps no moving average: neither does ours here.
    stages = [dataclasses.replace(stage, turns=[Turn(plain)], ema=None) for stage in experiment.stages]
    experiment = dataclasses.replace(experiment, stages=stages)

    def trainer(looped: bool) -> Trainer:
        return Trainer(experiment, config, Layout(), looped=looped)

    things = {
        "bare": bare(trainer(True)),
        "bare again": bare(trainer(True)),
        "ours, a dispatch a step": ours(trainer(False)),
        "ours, steps in one loop": ours(trainer(True)),
    }
    seconds = interleaved(things, ROUNDS)
    print(f"tiny MLP, {STEPS} steps a round, {ROUNDS} rounds interleaved")
    for name, values in seconds.items():
        median, low, high = ratio(seconds, name, "bare")
        microseconds = 1e6 * statistics.median(np.array(values)) / STEPS
        print(f"  {name:26s} {microseconds:7.1f} µs a step   ratio {median:.2f} ({low:.2f} to {high:.2f})")


if __name__ == "__main__":
    main()
