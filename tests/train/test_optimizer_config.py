"""An optimiser from the command line: `optimizer_config`."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.errors import UserError
from deeplearn.optim import optimizer, schedule
from deeplearn.train import OptimizerConfig
from deeplearn.train.flags import help_text, parse


@dataclasses.dataclass(frozen=True)
class Config(OptimizerConfig):
    learning_rate: float = 0.5
    optimizer: str = "momentum"
    schedule: str = "constant"


def updates_of(chain, steps=4):
    weights = {"kernel": jnp.array([3.0, -1.0, 0.2]), "bias": jnp.array([1.0])}

    def step(state, number):
        gradient = {"kernel": jnp.array([1.0, 2.0, -1.0]) / (number + 1), "bias": jnp.array([-1.0])}
        updates, state = chain.update(gradient, state, weights)
        return state, jnp.concatenate([updates["kernel"], updates["bias"]])

    return np.asarray(jax.jit(lambda: jax.lax.scan(step, chain.init(weights), jnp.arange(steps))[1])())


@pytest.mark.parametrize(
    "changed",
    [
        {"optimizer": "adagrad"},
        {"learning_rate": 0.1},
        {"schedule": "linear"},
        {"momentum": 0.5},
        {"optimizer": "adamw"},
        {"optimizer": "adamw", "weight_decay": 0.4},
        {"clip": 0.7},
        {"l1": 0.3},
        {"l2": 0.3},
    ],
)
def test_every_flag_reaches_the_optimizer(changed):
    values = {"optimizer": "momentum", "learning_rate": 0.5, "schedule": "constant"}
    found = updates_of(parse(Config, [f"--{name}={value}" for name, value in changed.items()]).chain(4))
    values |= changed
    rate = schedule(values.pop("schedule"), values.pop("learning_rate"), 4)
    np.testing.assert_array_equal(found, updates_of(optimizer(values.pop("optimizer"), rate, **values)))
    assert np.abs(found - updates_of(Config().chain(4))).max() > 1e-3


@pytest.mark.parametrize(
    "argument, sentence",
    [
        ("--optimizer=adan", "--optimizer=adan should be sgd or momentum or nesterov or rmsprop"),
        ("--schedule=cosin", "--schedule=cosin should be constant or cosine"),
        ("--momentum=1", "at most 0.9999"),
        ("--l1=-1", "at least 0"),
    ],
)
def test_a_mistake_ends_in_a_sentence(argument, sentence):
    with pytest.raises(UserError, match=sentence):
        parse(Config, [argument])


def test_help_names_every_flag_with_the_experiment_s_own_default():
    text = help_text(Config)
    for name in ("optimizer", "learning_rate", "schedule", "momentum", "weight_decay", "clip", "l1", "l2"):
        assert f"--{name} " in text
    assert "default 'momentum'" in text and "default 0.5" in text
