"""The one evaluation, of a table of bags of words whose cosines are known."""

import dataclasses
import math

import numpy as np
import pytest
from scipy.stats import spearmanr

from deeplearn.data import Arrays
from deeplearn.measured import OURS
from deeplearn.sentences.evaluation import (
    UNTRAINED,
    best_pooling,
    chosen_by,
    evaluate_vectors,
    measure,
    per_token,
    vector_baselines,
    vector_claims,
)
from deeplearn.sentences.vectors import POOLINGS

from .toy import CLOSENESS, dataset, trained

# Of bags that hold begin and end too: common tokens over the root of the product of both lengths.
COSINES = (4 / 4, 2 / 4, 2 / math.sqrt(4 * 5), 2 / 4)


def test_cosines_of_bags_and_their_ranks():
    rows = evaluate_vectors(trained(dataset()), dataset())
    assert set(rows) == {OURS, *POOLINGS.values()}
    np.testing.assert_allclose(rows["by the mean"].arrays["cosine"], COSINES, rtol=1e-5)
    wanted = spearmanr(np.round(COSINES, 5), CLOSENESS).statistic
    assert rows["by the mean"].metrics == {"spearman": pytest.approx(wanted)}
    assert rows["by the first token"].metrics == {"spearman": 0}  # all are equal


def test_the_pooling_is_chosen_on_validation():
    data = dataset()
    assert chosen_by(data) == "spearman" and best_pooling(trained(data), data) == "mean"
    # Where validation says the contrary, vectors that are all equal are better.
    turned = dataset(closeness=1 - np.repeat(np.float32(CLOSENESS), 2))
    other = dataclasses.replace(data, validation=turned.validation)
    assert best_pooling(trained(data), other) == "first"
    assert evaluate_vectors(trained(data), other)[OURS].metrics == {"spearman": 0}
    # It is of validation's own sentences: here those of test, in another order.
    order = np.roll(np.arange(8), -2)
    moved = Arrays({key: value[order] for key, value in data.validation.arrays().items()})
    assert best_pooling(trained(data), dataclasses.replace(data, validation=moved)) == "mean"


def test_topics_and_meanings_are_measured_where_they_are_known():
    label = np.array([0, 0, 1, 0, 1, 0, 0, 1], np.int32)
    data = dataset(label=label, meaning=np.stack([label, 1 - label], 1))
    assert chosen_by(data) == "auroc"
    words = np.stack([label, 1 - label], 1).astype(float)
    row = measure(data, lambda split: words, "test")
    assert row.metrics == {"auroc": 1, "recall_at_1": 1, "probe": 1}
    assert set(measure(data, lambda split: words, "validation").metrics) == {"auroc", "recall_at_1"}


def test_baselines_and_claims_name_the_same_rows():
    data = dataset()
    rows = vector_baselines(trained(data), data)
    assert {claim.than for claim in vector_claims(data)} == set(rows)
    untrained = rows[UNTRAINED]()
    assert untrained.metrics != evaluate_vectors(trained(data), data)[OURS].metrics
    assert untrained.arrays["vectors"].shape == (8, len(data.vocabulary))
    traps = vector_claims(dataset(closeness=np.ones(8, np.float32), part=np.zeros(8, np.int32)))
    assert traps[-1].metric == "trap_their_words"


def test_bits_and_perplexity_of_a_loss():
    found = per_token({"loss": math.log(8), "accuracy": 0.5})
    assert found == {"bits_per_token": pytest.approx(3), "perplexity": pytest.approx(8), "token_accuracy": 0.5}
