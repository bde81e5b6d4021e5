"""Translation of pictures without a network: nothing, colours matched, the nearest picture of the other set."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from deeplearn.data import Dataset
from deeplearn.measured import Measured
from deeplearn.metrics.distances import nearest_neighbours
from deeplearn.nn.functional import flat

LEVELS = 256
LIMIT = 10_000  # training pictures


def in_channels(images: np.ndarray, channels: int) -> np.ndarray:
    """Pictures [N, H, W, C] with so many channels: grey ones are repeated, of others the mean is taken first."""
    if images.shape[-1] == channels:
        return images
    grey = images.mean(-1, keepdims=True)
    return np.repeat(grey, channels, -1)


def matched(images: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Each channel by the one increasing function that gives `source` the histogram of `target`.

    All [N, H, W, C] in [0, 1], the last two sets of training pictures. (Gonzalez & Woods, Digital Image Processing,
    histogram specification.)
    """
    levels = np.linspace(0, 1, LEVELS)
    made = np.empty_like(images)
    for channel in range(images.shape[-1]):
        counts = [
            np.bincount(np.rint(x[..., channel].ravel() * (LEVELS - 1)).astype(int), minlength=LEVELS)
            for x in (source, target)
        ]
        before, there = (np.cumsum(count) / count.sum() for count in counts)
        middle = before - counts[0] / counts[0].sum() / 2  # of the pixels of one level: black stays black
        function = levels[np.minimum(np.searchsorted(there, middle), LEVELS - 1)]
        made[..., channel] = np.interp(images[..., channel], levels, function)
    return made


def picture_translators(
    dataset: Dataset, measure: Callable[[np.ndarray], Measured]
) -> dict[str, Callable[[], Measured]]:
    """{row: thunk} of `source` to `target` on test, with what `measure(translated pictures)` says of each."""
    names = "source", "target"
    channels = dataset.train.spec["target"].shape[-1]

    @functools.cache
    def train() -> tuple[np.ndarray, ...]:
        arrays = dataset.train.arrays(LIMIT)
        return tuple(in_channels(arrays[name], channels) for name in names)

    def test() -> np.ndarray:
        return in_channels(dataset.test.arrays()["source"], channels)

    def nearest() -> np.ndarray:
        target = train()[1]
        _, found = nearest_neighbours(flat(test()), flat(target), k=1)
        return target[found[:, 0]]

    return {
        "identity": lambda: measure(test()),
        "histogram matching": lambda: measure(matched(test(), *train())),
        "nearest neighbour in the target's training set": lambda: measure(nearest()),
    }
