"""Forecasting with recurrent networks, beside a feed-forward one and classical forecasts.

    python -m experiments.sequences.forecasting --replicas=5
    python -m experiments.sequences.forecasting --dataset=series/sunspots --horizon=11 --replicas=5

An LSTM, a GRU and a plain RNN read a window of the series, normalised to mean 0 and standard deviation 1, a value a
step, and give the next values at once after the last one; beside them a feed-forward network that sees the window
as a whole. The loss is the squared error of the normalised future. Origins, baselines and `mase` are those of
`autoencoders.forecasting`: the origin rolls through the last fifth of the series, to which nothing is fitted but
exponential smoothing; the baselines' sizes are chosen on the fifth before; `--stretch=validation` measures there.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from deeplearn import train as dl
from deeplearn.baselines.forecasters import forecasters
from deeplearn.data import Dataset
from deeplearn.figures.forecasts import error_by_horizon, windows
from deeplearn.metrics.forecasting import Task, normalised
from deeplearn.models.reader import Reader, WindowReader
from deeplearn.nn.cells import GRUCell, LSTMCell, RNNCell
from deeplearn.train.forecasting import ForecastConfig, cut_into_windows

CELLS: dict[str, Any] = {"LSTM": LSTMCell, "GRU": GRUCell, "RNN": RNNCell}
FEED_FORWARD = "feed-forward"


@dataclasses.dataclass(frozen=True)
class Config(ForecastConfig):
    learning_rate: float = 3e-3
    clip: float = 1.0
    l2: float = 1e-3
    features: int = dl.flag(32, "units of each network", min=1)

    # From no paper: sizes for a longer series.
    PAPER = {"features": 128, "window": 60, "steps": 20_000}
    TINY = {"features": 2, "stride": 24}


def learn(network: Any, batch: dl.Batch) -> dl.Losses:
    horizon = network.outputs
    span, _, _ = normalised(batch["span"], batch["span"].shape[1] - horizon)
    error = network(span[:, :-horizon, None]).astype(jnp.float32) - span[:, -horizon:]
    return jnp.square(error).mean(), {}


def forecast(network: Any, span: jax.Array) -> jax.Array:
    """The future as the network has it, in the series' own units: [origins, horizon]."""
    seen, mean, std = normalised(span[:, : -network.outputs], span.shape[1] - network.outputs)
    return network(seen[..., None]) * std + mean


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    task: Task = dataset.about["task"]
    found = np.asarray(trained(forecast, task.origins.astype(np.float32)))
    return dl.ours(task.measure(found), forecast=found)


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    return forecasters(dataset.about["task"])


CLAIMS = (
    dl.Claim("an LSTM has less absolute error than a plain RNN", dl.OURS, "RNN", "-mae"),
    dl.Claim("an LSTM has less absolute error than a feed-forward network", dl.OURS, FEED_FORWARD, "-mae"),
)


def figures(report: dl.Report) -> dict[str, Any]:
    task: Task = report.dataset.about["task"]
    methods = {"LSTM" if name == dl.OURS else name: row.arrays["forecast"] for name, row in report.rows.items()}
    drawn = {name: values for name, values in methods.items() if name not in ("GRU", "RNN", FEED_FORWARD)}
    return {
        "forecasts": lambda: windows(task.origins, task.horizon, drawn, report.dataset.name),
        "error_by_horizon": lambda: error_by_horizon(task.truth, methods),
    }


def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
    task: Task = dataset.about["task"]
    origins = task.origins.astype(np.float32)
    drawn = {name: np.asarray(trained[name](forecast, origins)) for name in trained.rivals}
    return windows(task.origins, task.horizon, drawn, dataset.name)


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    series = cut_into_windows(config, dataset)
    networks: dict[str, Any] = {name: Reader(cell, config.features, config.horizon) for name, cell in CELLS.items()}
    networks["feed_forward"] = WindowReader(config.window, config.features, config.horizon)
    stage = dl.Stage([dl.Turn(learn)], config.chain(), config.steps, ema=0.99)
    rivals = {
        name: dl.Rival(network, [stage], evaluate, row=name.replace("_", "-")) for name, network in networks.items()
    }
    return dl.side_by_side(rivals, data=series, baselines=baselines, figures=figures, sheet=sheet, claims=CLAIMS)


if __name__ == "__main__":
    dl.launch(Config, build)
