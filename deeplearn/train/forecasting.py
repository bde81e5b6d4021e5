"""What pages that forecast a series have in common: flags, the stretch that is forecast, windows as examples."""

from __future__ import annotations

import dataclasses

import numpy as np

from deeplearn.data import Arrays, Dataset
from deeplearn.errors import UserError
from deeplearn.metrics.forecasting import Task
from deeplearn.train.config import flag
from deeplearn.train.optimizer_config import OptimizerConfig


@dataclasses.dataclass(frozen=True)
class ForecastConfig(OptimizerConfig):
    """The flags of a page that forecasts."""

    dataset: str = "series/co2"
    steps: int = 2000
    batch_size: int = 64
    window: int = flag(36, "steps that the network sees", min=2)
    horizon: int = flag(12, "steps that it forecasts", min=1)
    stretch: str = flag("test", "the fifth that is forecast", choices=("validation", "test"))
    stride: int = flag(1, "steps between origins", min=1)


def plan(config: ForecastConfig, dataset: Dataset) -> Task:
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


def cut_into_windows(config: ForecastConfig, dataset: Dataset) -> Dataset:
    """A column `span` float32 [window + horizon]: every window before the stretch, with its future, to train on;
    the origins of the stretch to validate and test. The `Task` is at `about["task"]`. UserError for what is no
    series, or too short for the configuration."""
    if "value" not in dataset.train.spec or "time" not in dataset.train.spec:
        raise UserError(f"--dataset={config.dataset} is not a time series: choose series/co2 or series/sunspots")
    task = plan(config, dataset)
    fitted = Arrays({"span": task.fitted_windows(config.window).astype(np.float32)})
    held_out = Arrays({"span": task.origins.astype(np.float32)})
    return Dataset(dataset.name, fitted, held_out, held_out, about={"task": task})
