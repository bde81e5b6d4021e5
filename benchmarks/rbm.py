"""An epoch of a restricted Boltzmann machine, 1024 hidden units on `glyphs`, against scikit-learn's BernoulliRBM.

Both in float32, in equal batches of black and white images. scikit-learn's rule is one step of persistent chains
with plain gradient descent; ours is timed with CD-1 and with persistent chains, with momentum and decay, and all
else that the loop does (norms, checks). A second scikit-learn beside the first shows the noise.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable

import jax
import numpy as np
from sklearn.neural_network import BernoulliRBM

from benchmarks.paired import interleaved, ratio
from deeplearn import data
from deeplearn.train.launch import parse
from deeplearn.train.parallel import Layout
from deeplearn.train.trainer import Trainer
from experiments.representations import rbm

HIDDEN, BATCH, STEPS, ROUNDS = 1024, 128, 40, 9  # a round is STEPS steps; the time of an epoch is scaled from it


def ours(network: str, dataset: data.Dataset) -> Callable[[], None]:
    flags = [f"--hidden={HIDDEN}", f"--batch_size={BATCH}", "--steps=1000000", f"--log_every={STEPS}"]
    config = parse(rbm.Config, flags)
    experiment = rbm.build(config, dataset)
    (stage,) = experiment.stages
    turns = [turn for turn in stage.turns if turn.name == network]
    experiment = dataclasses.replace(experiment, stages=[dataclasses.replace(stage, turns=turns)])
    trainer = Trainer(experiment, config, Layout())
    carry = [trainer.initial(), 0]

    def train() -> None:
        end = carry[1] + STEPS
        while carry[1] < end:
            carry[0], _, carry[1] = trainer.advance(carry[0], carry[1])
        jax.block_until_ready(carry[0])

    return train


def scikit_learn(dataset: data.Dataset) -> Callable[[], None]:
    v = rbm.visible(dataset.train.arrays(STEPS * BATCH)["image"], "bernoulli")
    machine = BernoulliRBM(HIDDEN, learning_rate=0.05, batch_size=BATCH, n_iter=1, random_state=0)

    def train() -> None:
        fitted = machine.fit(v)
        assert fitted.components_.dtype == np.float32

    return train


def main() -> None:
    dataset = data.load("glyphs")
    things = {
        "scikit-learn": scikit_learn(dataset),
        "scikit-learn again": scikit_learn(dataset),
        "ours, CD-1": ours("cd", dataset),
        "ours, persistent chains": ours("pcd", dataset),
    }
    seconds = interleaved(things, ROUNDS)
    epoch = len(dataset.train) / (STEPS * BATCH)
    print(f"RBM, {HIDDEN} units, batch {BATCH}, {STEPS} steps a round, {ROUNDS} rounds interleaved")
    for name, values in seconds.items():
        median, low, high = ratio(seconds, name, "scikit-learn")
        each = epoch * statistics.median(values)
        print(f"  {name:24s} {each:6.2f} s an epoch   ratio {median:.2f} ({low:.2f} to {high:.2f})")


if __name__ == "__main__":
    main()
