"""Scores of a population's members, against the same counted by hand."""

import functools

import jax
import numpy as np
from scipy.special import log_softmax

from deeplearn.metrics.population import each_outcome, scores
from deeplearn.models.mlp import MLP
from deeplearn.models.population import Population
from deeplearn.train.trained import Trained

ROWS = 1100  # more than two blocks
RNG = np.random.default_rng(0)
SPLIT = {
    "image": RNG.normal(size=(ROWS, 5)).astype(np.float32),
    "label": RNG.integers(0, 3, ROWS).astype(np.int32),
    "text": np.full(ROWS, "not for the network"),
}


def test_scores_are_means_over_all_rows_wherever_blocks_are_cut():
    population = Population(functools.partial(MLP, (4,), 3), 2)
    variables = population.init(jax.random.key(0), SPLIT["image"])
    trained = Trained(population, variables, jax.random.key(1))
    logits = np.asarray(population.apply(variables, SPLIT["image"]))  # [2, ROWS, 3]
    loss = -log_softmax(logits, -1)[:, np.arange(ROWS), SPLIT["label"]]
    hit = logits.argmax(-1) == SPLIT["label"]
    each = each_outcome(trained, SPLIT)
    np.testing.assert_allclose(each[0], loss.T, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(each[1], hit.T)
    found = scores(trained, SPLIT)
    np.testing.assert_allclose(found.loss, loss.mean(1), rtol=1e-5)
    np.testing.assert_allclose(found.accuracy, hit.mean(1), rtol=1e-6)
    assert found.best == loss.mean(1).argmin()
    assert found.loss.dtype == found.accuracy.dtype == np.float64  # sums of many rows
