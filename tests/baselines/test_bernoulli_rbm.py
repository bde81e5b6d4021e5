"""scikit-learn's machine: its rate is chosen on validation, and its row is measured on test."""

import numpy as np
import pytest

from deeplearn.baselines import bernoulli_rbm as module
from deeplearn.baselines.bernoulli_rbm import bernoulli_rbm
from deeplearn.data import Arrays, Dataset
from deeplearn.metrics.partition_function import exact_log_partition, free_energy


def exact_nll(weights, train, others):
    return {"nll": exact_log_partition(weights) + float(np.mean(free_energy(others, weights)))}


@pytest.mark.parametrize("labelled", [True, False])
def test_the_rate_with_the_best_validation_likelihood_is_taken(monkeypatch, labelled):
    monkeypatch.setattr(module, "RATES", (1e-6, 0.1))
    rng = np.random.default_rng(0)

    def split(n):
        label = (np.arange(n) % 2).astype(np.int32)
        image = np.abs(np.repeat(label, 6).reshape(n, 2, 3, 1) - (rng.random((n, 2, 3, 1)) < 0.05)).astype(float)
        return Arrays({"image": image, "label": label} if labelled else {"image": image})

    dataset = Dataset("two", split(200), split(100), split(100))
    thunks = bernoulli_rbm(
        dataset, lambda image: image.reshape(len(image), -1), 4, exact_nll, steps=400, batch_size=20
    )
    row = thunks["scikit-learn's BernoulliRBM"]().metrics
    assert row["learning_rate"] == 0.1
    assert row["nll"] < 3.5  # of 6 ln 2 = 4.2 nats without a model
    assert ("probe_accuracy" in row) == labelled and row.get("probe_accuracy", 1.0) > 0.95
