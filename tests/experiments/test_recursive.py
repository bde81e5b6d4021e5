"""Networks over trees as rivals: what they learn from, and what they answer."""

import jax
import numpy as np
import pytest

from deeplearn import train as dl
from deeplearn.errors import UserError
from experiments.sequences import recursive
from experiments.sequences.recursive import RIVALS, Config, WordReader, answers, by_size, learn, root

from .pretend import pretend

DATASET = pretend("listops")
BATCH = {**DATASET.test.gather(np.arange(6)), "step": np.int32(0)}
BATCH.pop("text")
EXPERIMENT = recursive.build(Config(**Config.TINY), DATASET)


def network(name):
    return EXPERIMENT.model.systems[name].module


@pytest.mark.parametrize("name", RIVALS)
def test_the_loss_is_of_all_phrases_or_of_the_root_alone(name):
    model = network(name)
    variables = model.init(jax.random.key(0), BATCH, nodes="all", steps=4, method=learn)
    logits, labels, place = model.apply(variables, BATCH, method=answers)
    whole = np.asarray(model.apply(variables, BATCH, method=root))
    np.testing.assert_array_equal(np.asarray(labels)[np.arange(6), place], BATCH["label"])
    nats = -np.log(np.take_along_axis(np.asarray(jax.nn.softmax(logits)), np.maximum(labels, 0)[..., None], -1))[
        ..., 0
    ]

    def loss(nodes):
        (mean, _), _ = model.apply(variables, BATCH, nodes=nodes, steps=4, method=learn, mutable=["history"])
        return float(mean.value), float(mean.weight)

    assert loss("all") == (pytest.approx(nats[np.asarray(labels) >= 0].mean(), rel=1e-4), (labels >= 0).sum())
    right = -np.log(np.asarray(jax.nn.softmax(whole))[np.arange(6), BATCH["label"]])
    assert loss("root") == (pytest.approx(right.mean(), rel=1e-4), 6)


def test_the_flat_network_does_not_see_the_tree():
    model = network("flat")
    assert isinstance(model, WordReader)
    variables = model.init(jax.random.key(0), BATCH)
    hidden = {key: BATCH[key] for key in ("leaves", "leaf_count")}
    assert model.apply(variables, hidden).shape[:2] == BATCH["leaves"].shape


def test_every_network_answers_a_user_s_expression():
    variables = EXPERIMENT.model.init(jax.random.key(0), BATCH, method=initialise)
    rivals = {name: {} for name in RIVALS}
    trained = dl.Trained(EXPERIMENT.model, variables, jax.random.key(0), Config(**Config.TINY), rivals)
    lines = recursive.answer(trained, DATASET, "[MAX 2 9 [MIN 4 7 ] 0 ]").splitlines()
    assert lines[0] == "its value: 9" and [line.split(":")[0] for line in lines[1:]] == list(RIVALS.values())
    with pytest.raises(UserError, match="your text is not a ListOps expression"):
        recursive.answer(trained, DATASET, "MAX 2")


def initialise(rivals, batch):
    for name in RIVALS:
        getattr(rivals, name)(batch)


def test_groups_of_sizes_are_not_cut():
    size, right = np.array([1, 1, 1, 2, 2, 3, 9, 9]), np.array([1, 1, 0, 1, 1, 0, 1, 0])
    mean, accuracy, error = by_size(size, right)
    assert mean.tolist() == [1, 2, 3, 9] and accuracy.tolist() == [pytest.approx(2 / 3), 1, 0, 0.5]
    assert error[1] == 0 and error[3] == pytest.approx(0.5 / 2**0.5)


def test_what_has_no_trees_is_refused():
    with pytest.raises(UserError, match="has no trees: say listops"):
        recursive.build(Config(), pretend("digits"))
