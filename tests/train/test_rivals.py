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
