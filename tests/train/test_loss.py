"""What a loss is handed and returns: a wrong shape ends in one sentence that names the loss and the shapes."""

import chex
import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from deeplearn.data import Arrays, Dataset
from deeplearn.errors import UserError
from deeplearn.mean import Mean
from deeplearn.train import Config, Experiment, Stage, Turn
from deeplearn.train.parallel import Layout
from deeplearn.train.trainer import Trainer

SPLIT = Arrays({"x": np.ones((8, 5), np.float32), "y": np.ones((8, 3), np.float32)})


def trainer(loss):
    data = Dataset("toy", SPLIT, SPLIT, SPLIT)
    experiment = Experiment(nn.Dense(4), [Stage([Turn(loss)], optax.sgd(1), 1)], data)
    return Trainer(experiment, Config(batch_size=4), Layout())


def no_mean(model, batch):
    return (model(batch["x"]) ** 2).mean(-1), {}


def vector_metric(model, batch):
    return model(batch["x"]).mean(), {"size": jnp.abs(model(batch["x"])).mean(0)}


def vector_mean(model, batch):
    return Mean(model(batch["x"]).sum(0), 1.0), {}


def bare(model, batch):
    return model(batch["x"]).mean()


def unequal(model, batch):
    return ((model(batch["x"]) - batch["y"]) ** 2).mean(), {}


def asserted(model, batch):
    chex.assert_rank(batch["x"], 4)
    return model(batch["x"]).mean(), {}


def missing(model, batch):
    return model(batch["image"]).mean(), {}


def no_method(model, batch):
    return model.logits(batch["x"]).mean(), {}


def nothing_at_all(model, batch):
    model(batch["x"])


def nested(model, batch):
    return model(batch["x"]).mean(), {"sizes": {"width": 4}}


def none(model, batch):
    return model(batch["x"]).mean(), {"size": None}


def reserved(model, batch):
    return model(batch["x"]).mean(), {"gradient_norm": 1.0}


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (no_mean, ["the loss that no_mean returns has the shape [4]", "a scalar of shape []"]),
        (vector_metric, ["the metric 'size' that vector_metric returns has the shape [4]"]),
        (vector_mean, ["the loss that vector_mean returns has the shape [4]"]),
        (bare, ["the loss bare should return (loss, {metric: scalar})"]),
        (unequal, ["the loss unequal", "x [4, 5], y [4, 3]", "(4, 4)", "(4, 3)"]),
        (asserted, ["the loss asserted", "x [4, 5]", "rank"]),
        (missing, ["the loss missing (test_loss.py, line ", "KeyError: 'image'", "x [4, 5], y [4, 3]"]),
        (no_method, ["the loss no_method (test_loss.py, line ", "logits"]),
        (nothing_at_all, ["the loss nothing_at_all should return", "not None"]),
        (nested, ["the metric 'sizes' that nested returns", "{'width': 4}"]),
        (none, ["the metric 'size' that none returns", "not None"]),
        (reserved, ["the loss reserved returns a metric 'gradient_norm'"]),
    ],
)
def test_a_mistake_is_one_sentence(loss, words):
    with pytest.raises(UserError) as caught:
        trainer(loss)
    sentence = str(caught.value)
    assert all(word in sentence for word in words), sentence
    assert "\n" not in sentence
