"""Two-dimensional Gaussian mixtures, the standard test for mode collapse.

Protocol of PacGAN (Lin et al. 2018) and its released code: a ring of 8 means on the unit circle with
σ = .01, a 5×5 grid {-4, -2, 0, 2, 4}² with σ = .05, and a fixed training set of 100,000 points.
"""

import numpy as np
import tensorflow_datasets as tfds

from deeplearn.data.builders import OWN
from deeplearn.data.builders.base import OwnBuilder

SIZES = {"train": 100_000, "validation": 10_000, "test": 10_000}
SIGMA = {"ring": 0.01, "grid": 0.05}
# TFDS spends about 0.1 ms on a record, whatever its size: so a record holds many points.
POINTS_PER_RECORD = 1000


def means(config: str) -> np.ndarray:
    """The mixture's means [modes, 2], float64."""
    if config == "ring":
        # 8 distinct angles: linspace(0, 2π, 8) with its end would visit the first mode twice.
        angles = 2 * np.pi * np.arange(8) / 8
        return np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    ticks = np.arange(-4.0, 5.0, 2.0)
    return np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 2)


def sample(config: str, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Points [count, 2] float32 and the mode each was drawn from [count] int32, modes equally likely."""
    centres = means(config)
    labels = rng.integers(len(centres), size=count, dtype=np.int32)
    points = centres[labels] + SIGMA[config] * rng.standard_normal((count, 2))
    return points.astype(np.float32), labels


class Builder(OwnBuilder):
    """100,000 train, 10,000 validation and 10,000 test points, labelled by mode."""

    name = "mixture"
    VERSION = tfds.core.Version(OWN[name].version)
    BUILDER_CONFIGS: tuple = tuple(tfds.core.BuilderConfig(name=name) for name in sorted(SIGMA))
    packed = True

    def about(self):
        config = self.builder_config.name
        return {"means": means(config), "sigma": SIGMA[config]}

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=__doc__,
            features=tfds.features.FeaturesDict(
                {
                    "point": tfds.features.Tensor(shape=(POINTS_PER_RECORD, 2), dtype=np.float32),
                    "label": tfds.features.Tensor(shape=(POINTS_PER_RECORD,), dtype=np.int32),
                }
            ),
        )

    def _split_generators(self, dl_manager):
        return {
            split: self._generate_examples(size, np.random.default_rng((0, index)))
            for index, (split, size) in enumerate(SIZES.items())
        }

    def _generate_examples(self, size, rng):
        points, labels = sample(self.builder_config.name, size, rng)
        for start in range(0, size, POINTS_PER_RECORD):
            rows = slice(start, start + POINTS_PER_RECORD)
            yield start, {"point": points[rows], "label": labels[rows]}
