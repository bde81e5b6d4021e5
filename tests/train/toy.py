"""A toy experiment of three networks and two stages, small enough to compile in a moment.

Run as a program it is launched like any other: `python -m tests.train.toy --workdir=...`.
"""

import dataclasses
import time

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from deeplearn.nn.batch_norm import BatchNorm
from deeplearn.train import Config as BaseConfig
from deeplearn.train import Experiment, Stage, Turn, flag, launch, ours


@dataclasses.dataclass(frozen=True)
class Config(BaseConfig):
    steps: int = 20
    batch_size: int = 16
    log_every: int = 5
    checkpoint_every: int = 5
    noisy: bool = flag(True, "the losses draw random numbers")
    norm: bool = flag(False, "batch norm in the first network")
    ema: float = flag(0.9, "moving average")
    explode: int = flag(-1, "the step at which a metric is infinite")
    slow: float = flag(0.0, "seconds that the evaluation takes", identity=False)


class Networks(nn.Module):
    noisy: bool
    norm: bool
    explode: int

    def setup(self):
        # No bias before batch norm: its gradient is zero up to rounding, which Adam would amplify.
        self.first = nn.Dense(8, use_bias=not self.norm)
        self.second = nn.Dense(3)
        self.third = nn.Dense(1)
        if self.norm:
            self.statistics = BatchNorm(use_scale=False, use_bias=False)

    def features(self, batch, train):
        x = batch["image"].reshape(len(batch["image"]), -1)
        if self.noisy:
            x = x + 0.1 * jax.random.normal(self.make_rng("noise"), x.shape)
        x = self.first(x)
        return self.statistics(x, train) if self.norm else x


def fit(model, batch):
    error = model.second(nn.tanh(model.features(batch, True))) - jax.nn.one_hot(batch["label"] % 3, 3)
    trouble = jnp.where(batch["step"] == model.explode, jnp.inf, 0.0)
    return (error**2).mean(), {"trouble": trouble}


def judge(model, batch):
    loss = (model.third(nn.tanh(model.features(batch, True))).squeeze(-1) - batch["label"]) ** 2
    return loss.mean(), {}


def validate(model, batch):
    return {"loss": ((model.second(nn.tanh(model.features(batch, False)))) ** 2).mean()}


def evaluate(trained, dataset):
    time.sleep(trained.config.slow)
    return ours(trained.mean(validate, dataset.test.arrays()))


def build(config, dataset):
    turns = [Turn(fit, ("first", "second"), times=2), Turn(judge, ("third",), every=3)]
    return Experiment(
        model=Networks(config.noisy, config.norm, config.explode),
        stages=[
            Stage(turns, optax.adam(1e-2), config.steps - config.steps // 3, name="early", ema=config.ema),
            Stage([Turn(fit, ("second",))], {"second": optax.sgd(0.1)}, config.steps // 3, name="late"),
        ]
        if config.steps > 2
        else [Stage(turns, optax.adam(1e-2), config.steps)],
        data=dataset,
        evaluate=evaluate,
        validate=validate,
        best="-loss",
    )


if __name__ == "__main__":
    launch(Config, build)
