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
from deeplearn.data import Arrays, Dataset
from deeplearn.errors import UserError
from deeplearn.figures.panels import panels
from deeplearn.figures.plots import curves
from deeplearn.metrics.forecasting import Task, normalised
from deeplearn.models.mlp import MLP
from deeplearn.nn.corruption import masking


@dataclasses.dataclass(frozen=True)
class Config(dl.OptimizerConfig):
    dataset: str = "series/co2"
    steps: int = 2000
    batch_size: int = 64
    window: int = dl.flag(36, "steps that the network sees", min=2)
    horizon: int = dl.flag(12, "steps that it forecasts", min=1)
    hidden: tuple[int, ...] = dl.flag((64, 8), "widths of the encoder's layers, the last the code", min=1)
    hide: float = dl.flag(0.2, "denoising: fraction of the window that is hidden", min=0, max=0.99)
    l2: float = 1e-3
    stretch: str = dl.flag("test", "the fifth that is forecast", choices=("validation", "test"))
    stride: int = dl.flag(1, "steps between origins", min=1)

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


def windows(dataset: Dataset, span: np.ndarray, forecasts: dict[str, np.ndarray]) -> Any:
    """Four windows of the stretch: the series, its decoding (`span`), and the forecasts."""
    task: Task = dataset.about["task"]
    time, ahead = np.arange(1 - task.window, task.horizon + 1), np.arange(1, task.horizon + 1)
    pictures = []
    for row in np.linspace(0, len(span) - 1, 4).astype(int):
        lines: dict[str, Any] = {"truth": (time, task.origins[row]), "decoded": (time, span[row])}
        lines |= {name: (ahead, forecast[row]) for name, forecast in forecasts.items()}
        pictures.append(curves(lines, "steps from the origin", dataset.name))
    return panels(pictures, columns=2)


def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
    origins = dataset.about["task"].origins.astype(np.float32)
    return windows(dataset, np.asarray(trained["autoencoder"](decoded, origins)), {})


def figures(report: dl.Report) -> dict[str, Any]:
    task: Task = report.dataset.about["task"]
    ahead = np.arange(1, task.horizon + 1)
    trained = ("denoising", "direct")
    forecasts = {
        name: row.arrays["forecast"] for name, row in report.rows.items() if name not in (dl.OURS, *trained)
    }
    methods = {"autoencoder": report.ours.arrays["forecast"], **forecasts}
    errors = {name: (ahead, np.abs(forecast - task.truth).mean(0)) for name, forecast in methods.items()}
    return {
        "forecasts": lambda: windows(report.dataset, report.ours.arrays["decoded"], forecasts),
        "error_by_horizon": lambda: curves(errors, "steps ahead", "mean absolute error"),
    }


def plan(config: Config, dataset: Dataset) -> Task:
    """The series joined from its splits, and the stretch that the configuration wants."""
    parts = [split.arrays()["value"].astype(float) for split in (dataset.train, dataset.validation, dataset.test)]
    whole = Task(
        series=np.concatenate(parts),
        first=len(parts[0]) + len(parts[1]),
        last=sum(map(len, parts)),
        period=dataset.about.get("period", 1),
        window=config.window,
        horizon=config.horizon,
        stride=config.stride,
    )
    task = whole if config.stretch == "test" else whole.earlier()
    longest = min(task.last - task.first, 2 * task.first - task.last - config.window)
    if config.horizon > longest or config.window < task.period:
        raise UserError(
            f"--window={config.window} and --horizon={config.horizon} do not suit {dataset.name}: a window holds a "
            f"season of {task.period} at least, and both fit into what is fitted"
        )
    return task


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    if "value" not in dataset.train.spec or "time" not in dataset.train.spec:
        raise UserError(f"--dataset={config.dataset} is not a time series: choose series/co2 or series/sunspots")
    task = plan(config, dataset)
    fitted = Arrays({"span": task.fitted_windows(config.window).astype(np.float32)})
    held_out = Arrays({"span": task.origins.astype(np.float32)})
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
    series = Dataset(dataset.name, fitted, held_out, held_out, about={"task": task})
    return dl.side_by_side(rivals, data=series, baselines=baselines, figures=figures, sheet=sheet, claims=CLAIMS)


if __name__ == "__main__":
    dl.launch(Config, build)
