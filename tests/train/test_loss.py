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


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (no_mean, ["the loss that no_mean returns has the shape [4]", "a scalar of shape []"]),
        (vector_metric, ["the metric 'size' that vector_metric returns has the shape [4]"]),
        (vector_mean, ["the loss that vector_mean returns has the shape [4]"]),
        (bare, ["the loss bare should return (loss, {metric: scalar})"]),
        (unequal, ["the loss unequal", "x [4, 5], y [4, 3]", "(4, 4)", "(4, 3)"]),
        (asserted, ["the loss asserted", "x [4, 5]", "rank"]),
        (missing, ["the loss missing", "'image'", "x [4, 5], y [4, 3]"]),
    ],
)
def test_a_mistake_is_one_sentence(loss, words):
    with pytest.raises(UserError) as caught:
        trainer(loss)
    sentence = str(caught.value)
    assert all(word in sentence for word in words), sentence
    assert "\n" not in sentence
