"""Two time series that come with statsmodels: CO₂ at Mauna Loa by month, sunspots by year."""

import numpy as np
import tensorflow_datasets as tfds

from deeplearn.data.builders import OWN
from deeplearn.data.builders.base import OwnBuilder

# Steps after which a series repeats, exactly or nearly: the period of a seasonal forecast.
PERIODS = {"co2": 12, "sunspots": 11}


def read(config: str) -> tuple[np.ndarray, np.ndarray]:
    """Years with their fraction [N] and values [N], float64, in order of time.

    co2: means in parts per million of the weeks of each month, March 1958 to December 2001; the few months
    without a measurement are interpolated linearly. sunspots: yearly numbers, 1700 to 2008.
    """
    import statsmodels.datasets

    table = getattr(statsmodels.datasets, config).load_pandas().data
    if config == "sunspots":
        return table["YEAR"].to_numpy(float), table["SUNACTIVITY"].to_numpy(float)
    months = table["co2"].resample("MS").mean().interpolate()
    return (months.index.year + (months.index.month - 1) / 12).to_numpy(float), months.to_numpy(float)


class Builder(OwnBuilder):
    """The first 60 % of the series to train on, the next 20 % to validate, the last 20 % to test, in order."""

    name = "series"
    VERSION = tfds.core.Version(OWN[name].version)
    BUILDER_CONFIGS: tuple = tuple(tfds.core.BuilderConfig(name=name) for name in sorted(PERIODS))

    def about(self):
        return {"period": PERIODS[self.builder_config.name]}

    def _info(self) -> tfds.core.DatasetInfo:
        scalar = tfds.features.Scalar(np.float32)
        return tfds.core.DatasetInfo(
            builder=self,
            description=__doc__,
            features=tfds.features.FeaturesDict({"time": scalar, "value": scalar}),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager):
        time, value = read(self.builder_config.name)
        fifth = round(len(time) / 5)
        ends = {"train": (0, -2 * fifth), "validation": (-2 * fifth, -fifth), "test": (-fifth, None)}
        return {split: self._generate_examples(time[slice(*at)], value[slice(*at)]) for split, at in ends.items()}

    def _generate_examples(self, time, value):
        for index, (when, what) in enumerate(zip(time, value, strict=True)):
            yield index, {"time": np.float32(when), "value": np.float32(what)}
