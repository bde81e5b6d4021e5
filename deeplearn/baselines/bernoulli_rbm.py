"""scikit-learn's restricted Boltzmann machine, by persistent contrastive divergence on the same budget as ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from deeplearn.baselines.classical import LIMIT, Thunks
from deeplearn.baselines.probe import linear_probe
from deeplearn.data import Dataset
from deeplearn.measured import Measured
from deeplearn.metrics.partition_function import Weights

RATES = (0.1, 0.03, 0.01, 0.003)  # learning rates; validation chooses one


def bernoulli_rbm(
    dataset: Dataset,
    observe: Callable[[np.ndarray], Any],
    hidden: int,
    measure: Callable[[Weights, np.ndarray, np.ndarray], Mapping[str, float]],
    *,
    steps: int,
    batch_size: int,
    limit: int = LIMIT,
    test_limit: int | None = None,
) -> Thunks:
    """{"scikit-learn's BernoulliRBM": thunk}, its learning rate chosen by the likelihood on validation.

    Args:
        observe: images [N, H, W, C] -> units in {0, 1}, [N, visible]. hidden: units.
        measure: (weights, training units [N, visible], others [M, visible]) -> metrics of the others, among them
            "nll", by which the rate is chosen.
        steps: updates of `batch_size` examples; at least one pass over the training images is made.
        limit: number of training images. test_limit: number of images of the validation and of the test split.

    Metrics: those of `measure` on test; `learning_rate`; with labels `probe_accuracy`, of a linear probe on the
    hidden units' probabilities.
    """

    def row() -> Measured:
        from sklearn.neural_network import BernoulliRBM

        held_out = [split.arrays(test_limit) for split in (dataset.validation, dataset.test)]
        columns = [dataset.train.arrays(limit), *held_out]
        train, validation, test = (np.asarray(observe(c["image"])) for c in columns)
        budget = {"batch_size": batch_size, "n_iter": max(1, round(steps * batch_size / len(train)))}
        machines = [BernoulliRBM(hidden, learning_rate=rate, random_state=0, **budget).fit(train) for rate in RATES]
        best = min(machines, key=lambda machine: measure(weights_of(machine), train, validation)["nll"])
        metrics = {**measure(weights_of(best), train, test), "learning_rate": best.learning_rate}
        if "label" in columns[0]:
            codes = best.transform(train), best.transform(test)
            metrics["probe_accuracy"] = linear_probe(codes[0], columns[0]["label"], codes[1], columns[2]["label"])
        return Measured(metrics)

    return {"scikit-learn's BernoulliRBM": row}


def weights_of(machine: Any) -> Weights:
    """The weights of a fitted `sklearn.neural_network.BernoulliRBM`."""
    return Weights(machine.components_.T, machine.intercept_visible_, machine.intercept_hidden_)
