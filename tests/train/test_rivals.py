"""Rivals under one root: each is trained by its own turn only, and its metrics bear its name."""

import functools

import jax
import numpy as np
import optax
import pytest

from deeplearn.data import Arrays, Dataset
from deeplearn.losses.classification import cross_entropy
from deeplearn.models.mlp import MLP
from deeplearn.train import Config, Experiment, Rivals, Stage, Turn, rival_turns
from deeplearn.train.parallel import Layout
from deeplearn.train.state import initialise
from deeplearn.train.trainer import Trainer

WIDTHS = {"narrow": 4, "wide": 16}


def classify(model, batch, network):
    return cross_entropy(model[network](batch["image"]), batch["label"])


def experiment(names):
    rng = np.random.default_rng(0)
    split = Arrays(
        {"image": rng.uniform(size=(64, 9)).astype(np.float32), "label": (np.arange(64) % 3).astype(np.int32)}
    )
    model = Rivals({name: functools.partial(MLP, (WIDTHS[name],), 3) for name in names})
    stage = Stage(rival_turns(classify, names), optax.sgd(0.1), 5)
    return Experiment(model, [stage], Dataset("toy", split, split, split), dense=True)


def trained(names, replicas=1):
    trainer = Trainer(experiment(names), Config(batch_size=8, replicas=replicas, log_every=5), Layout())
    states, metrics, step = trainer.advance(trainer.initial(), 0)
    return states, trainer.read(step, metrics)[1]


def test_metrics_are_filed_under_each_network_with_one_value_a_replica():
    _, metrics = trained(["narrow", "wide"], replicas=3)
    assert {"narrow/accuracy", "wide/loss", "wide/gradient_norm"} <= set(metrics)
    assert all(values.shape == (3,) for values in metrics.values())


@pytest.mark.parametrize("replicas", [1, 2])
def test_rivals_are_initialised_apart_as_they_are_together(replicas, monkeypatch):
    """A program for each network, which compiles its own draws only; the values are those of one for all."""
    made, config = experiment(["narrow", "wide"]), Config(batch_size=8, replicas=replicas)
    together = jax.jit(jax.vmap(lambda key: initialise(made, key, [made.data.train.arrays(8)])))
    expected = together(jax.vmap(jax.random.key)(np.arange(replicas)))
    built = []
    monkeypatch.setattr(Layout, "build", lambda *call, real=Layout.build: built.append(real(*call)) or built[-1])
    (state,) = Trainer(made, config, Layout()).initial()
    if replicas == 1:
        expected = jax.tree.map(lambda x: x[0], expected)
    assert jax.tree.structure(state) == jax.tree.structure(expected)
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-6), state, expected)
    assert [set(part.params) for part in built] == [{"narrow"}, {"wide"}]


def test_a_rival_does_not_notice_the_others():
    def first_gradient(names):
        model = experiment(names).model
        batch = {"image": np.ones((4, 9), np.float32), "label": np.zeros(4, np.int32)}
        params = model.init(jax.random.key(0), batch, "narrow", method=classify)["params"]
        return jax.grad(lambda p: model.apply({"params": p}, batch, "narrow", method=classify)[0])(params)

    alone, beside = first_gradient(["narrow"]), first_gradient(["narrow", "wide"])
    assert set(beside) == {"narrow"}
    jax.tree.map(np.testing.assert_array_equal, alone["narrow"], beside["narrow"])


def test_two_turns_of_one_name_are_refused():
    with pytest.raises(ValueError, match="share a name"):
        Stage([Turn(classify, trains=("narrow",)), Turn(classify, trains=("wide",))], optax.sgd(0.1), 5)
