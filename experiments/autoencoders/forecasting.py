"""Forecasting: an autoencoder encodes a window of a series and decodes the window and its future.

    python -m experiments.autoencoders.forecasting --replicas=5
    python -m experiments.autoencoders.forecasting --dataset=series/sunspots --hidden=8 --l2=.01 --replicas=5

Every window is first normalised to mean 0 and standard deviation 1. `autoencoder` minimises the squared error of
window and future; `denoising` also, with a fraction of the window hidden; `direct`, the same network, only that of
the future: does it help to reconstruct? The origin rolls through the last fifth of the series, and twelve steps are
forecast from each. Nothing is fitted to that fifth, except exponential smoothing, which is usually fitted again to
all data before each origin. Baselines: that, the seasonal naive forecast and a linear autoregression (ridge
regression on the same windows). Their sizes are chosen on the fifth before, to which all are then fitted too;
`--stretch=validation` measures on it, with nothing fitted to it, for choices.

`mase` is the mean absolute error in units of the seasonal naive forecast's, one step ahead before the stretch.
"""

import dataclasses
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from deeplearn import train as dl
from deeplearn.baselines.forecasters import forecasters
from deeplearn.data import Dataset
from deeplearn.figures.forecasts import error_by_horizon, windows
from deeplearn.metrics.forecasting import Task, normalised
from deeplearn.models.mlp import MLP
from deeplearn.nn.corruption import masking
from deeplearn.train.forecasting import ForecastConfig, cut_into_windows


@dataclasses.dataclass(frozen=True)
class Config(ForecastConfig):
    hidden: tuple[int, ...] = dl.flag((64, 8), "widths of the encoder's layers, the last the code", min=1)
    hide: float = dl.flag(0.2, "denoising: fraction of the window that is hidden", min=0, max=0.99)
    l2: float = 1e-3

    # From no paper: sizes for a longer series.
    PAPER = {"hidden": (256, 32), "window": 60, "steps": 20_000}
    TINY = {"hidden": (2,), "stride": 24}


class Forecaster(nn.Module):
    """Encodes a window and decodes it and its future: [B, window] -> [B, window + horizon]. The code is linear."""

    hidden: tuple[int, ...]
    window: int
    horizon: int

    def setup(self) -> None:
        *between, code = self.hidden
        self.encoder = MLP(tuple(between), code)
        self.decoder = MLP(tuple(between[::-1]), self.window + self.horizon)

    def __call__(self, window: jax.Array) -> jax.Array:
        return self.decoder(self.encoder(window))


def reconstruct(model: Forecaster, batch: dl.Batch, hide: float) -> dl.Losses:
    span, _, _ = normalised(batch["span"], model.window)
    seen = masking(model.make_rng("noise"), span[:, : model.window], hide) if hide else span[:, : model.window]
    error = jnp.square(model(seen).astype(jnp.float32) - span)
    return error.mean(), {"future": error[:, model.window :].mean()}


def direct(model: Forecaster, batch: dl.Batch) -> dl.Losses:
    metrics = reconstruct(model, batch, hide=0.0)[1]
    return metrics["future"], metrics


def decoded(model: Forecaster, span: jax.Array) -> jax.Array:
    """Window and future as the network decodes them, in the series' own units: [origins, window + horizon]."""
    seen, mean, std = normalised(span[:, : model.window], model.window)
    return model(seen) * std + mean


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    task: Task = dataset.about["task"]
    span = np.asarray(trained(decoded, task.origins.astype(np.float32)))
    forecast = span[:, task.window :]
    return dl.ours(task.measure(forecast), decoded=span, forecast=forecast)


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    return forecasters(dataset.about["task"])


CLAIMS = (
    dl.Claim("to reconstruct the window lowers the mean absolute error of forecasts", dl.OURS, "direct", "-mae"),
)


def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
    task: Task = dataset.about["task"]
    span = np.asarray(trained["autoencoder"](decoded, task.origins.astype(np.float32)))
    return windows(task.origins, task.horizon, {"decoded": span}, dataset.name)


def figures(report: dl.Report) -> dict[str, Any]:
    task: Task = report.dataset.about["task"]
    trained = ("denoising", "direct")
    forecasts = {
        name: row.arrays["forecast"] for name, row in report.rows.items() if name not in (dl.OURS, *trained)
    }
    methods = {"autoencoder": report.ours.arrays["forecast"], **forecasts}
    lines = {"decoded": report.ours.arrays["decoded"], **forecasts}
    return {
        "forecasts": lambda: windows(task.origins, task.horizon, lines, report.dataset.name),
        "error_by_horizon": lambda: error_by_horizon(task.truth, methods),
    }


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    series = cut_into_windows(config, dataset)
    model = Forecaster(config.hidden, config.window, config.horizon)
    losses: dict[str, Any] = {
        "autoencoder": partial(reconstruct, hide=0.0),
        "denoising": partial(reconstruct, hide=config.hide),
        "direct": direct,
    }
    rivals = {
        name: dl.Rival(model, [dl.Stage([dl.Turn(loss)], config.chain(), config.steps, ema=0.99)], evaluate)
        for name, loss in losses.items()
    }
    return dl.side_by_side(rivals, data=series, baselines=baselines, figures=figures, sheet=sheet, claims=CLAIMS)


if __name__ == "__main__":
    dl.launch(Config, build)
