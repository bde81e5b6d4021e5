"""The loss on few labels against one that is written out, on the whole pool and on its parts."""

import jax
import numpy as np
import pytest
from scipy.special import log_softmax

from deeplearn.losses.few_labels import few_label_loss
from deeplearn.models.warm_start import FewLabelClassifiers

CLASSES, EACH, LABELS = 3, 8, (1, 5)
RNG = np.random.default_rng(0)
POOL = {
    "image": RNG.normal(size=(CLASSES * EACH, 2, 2)).astype(np.float32),
    "label": np.repeat(np.arange(CLASSES), EACH),
    "row": np.arange(CLASSES * EACH),
}


@pytest.fixture(scope="module")
def bound():
    model = FewLabelClassifiers((4,), CLASSES, LABELS, EACH)
    variables = model.init({"params": jax.random.key(0)}, POOL, method=few_label_loss)
    return lambda batch: model.apply(variables, batch, method=few_label_loss), model, variables


def test_it_is_the_sum_of_the_mean_cross_entropies(bound):
    loss, model, variables = bound
    found, metrics = loss(POOL)
    rank, expected = variables["drawn"]["few"]["rank"], {}
    for count in LABELS:
        rows = np.flatnonzero(rank < count)
        logits = model.apply(variables, POOL["image"][rows], count, method=FewLabelClassifiers.logits)
        expected[f"loss_{count}"] = -log_softmax(logits, axis=1)[np.arange(len(rows)), POOL["label"][rows]].mean()
    assert found.value == pytest.approx(sum(expected.values()), rel=1e-5)
    assert {name: float(mean.value) for name, mean in metrics.items()} == pytest.approx(expected, rel=1e-5)


def test_it_is_the_loss_of_training(bound):
    """The classifier is told that it is trained; one that is given stands in its place."""
    _, model, variables = bound
    seen = []

    def logits(image, count, train=False):
        seen.append((count, train))
        return np.zeros((len(image), CLASSES), np.float32)

    found, _ = model.apply(variables, POOL, logits, method=few_label_loss)
    assert seen == [(count, True) for count in LABELS]
    assert found.value == pytest.approx(2 * np.log(CLASSES), rel=1e-5)


def test_parts_of_the_pool_add_up_to_it(bound):
    loss, *_ = bound
    order = RNG.permutation(CLASSES * EACH)
    parts = [loss({name: column[rows] for name, column in POOL.items()}) for rows in np.split(order, 4)]
    total = jax.tree.map(lambda *leaves: sum(leaves), *parts)
    whole = loss(POOL)
    assert total[0].value == pytest.approx(float(whole[0].value), rel=1e-5)
    for name, mean in whole[1].items():
        assert total[1][name].value == pytest.approx(float(mean.value), rel=1e-5)
