"""Codes of pictures without a network: a code for each patch by itself, and a prior that knows only the place."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from deeplearn.baselines.classical import Thunks
from deeplearn.data import Dataset
from deeplearn.measured import Measured
from deeplearn.metrics.pictures import psnr

LIMIT, PATCHES = 10_000, 100_000  # pictures, and patches that are clustered


def patch_codes(dataset: Dataset, side: int, codes: int) -> Thunks:
    """{"k-means of patches": thunk}: every patch of side × side pixels becomes the nearest of `codes` mean patches.

    Metrics: psnr in dB of test pictures. Pictures whose sides are no multiples are a UserError of the page's own.
    """

    def cut(image: np.ndarray) -> np.ndarray:
        batch, height, width, channels = image.shape
        grid = image.reshape(batch, height // side, side, width // side, side, channels)
        return grid.transpose(0, 1, 3, 2, 4, 5).reshape(-1, side * side * channels)

    def thunk() -> Measured:
        from sklearn.cluster import MiniBatchKMeans

        train, test = cut(dataset.train.arrays(LIMIT)["image"]), dataset.test.arrays(2000)["image"]
        some = train[np.random.default_rng(0).permutation(len(train))[:PATCHES]]
        means = MiniBatchKMeans(min(codes, len(some)), random_state=0, n_init=1, batch_size=4096).fit(some)
        patches = cut(test)
        made = means.cluster_centers_[means.predict(patches)]
        errors = np.square(made - patches).reshape(len(test), -1).mean(1)
        return Measured({"psnr": float(psnr(np.sqrt(errors)[:, None], np.zeros((len(test), 1))).mean())})

    return {"k-means of patches": thunk}


def independent_codes(dataset: Dataset, encode: Callable[[np.ndarray], np.ndarray], codes: int) -> Thunks:
    """{"codes one by one": thunk}: how often each code occurs at each place in training, plus one.

    encode: pictures [N, H, W, C] -> codes int [N, tokens]. Metrics: nats_per_code and code_bits_per_dim on test.
    """

    def thunk() -> Measured:
        train, test = (encode(split.arrays(LIMIT)["image"]) for split in (dataset.train, dataset.test))
        places = np.arange(train.shape[1])
        counts = np.ones((len(places), codes))
        np.add.at(counts, (places, train), 1)
        log_p = np.log(counts / counts.sum(1, keepdims=True))
        nats = float(-log_p[places, test].mean())
        return Measured(
            {"nats_per_code": nats, "code_bits_per_dim": nats / math.log(2) * len(places) / dataset.pixels}
        )

    return {"codes one by one": thunk}
