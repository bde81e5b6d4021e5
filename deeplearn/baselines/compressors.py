"""Lossless compressors that are not trained on images: PNG, and compressors of bytes."""

from __future__ import annotations

import bz2
import functools
import io
import lzma
import math
import zlib
from collections.abc import Callable

import chex
import numpy as np
import pyarrow
from PIL import Image

from deeplearn.baselines.classical import Thunks
from deeplearn.measured import Measured


def png_bytes(image: np.ndarray) -> int:
    """Size in bytes of one picture, uint8 [H, W, C], at Pillow's best compression."""
    chex.assert_rank(image, 3)
    buffer = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(buffer, "PNG", optimize=True)
    return buffer.tell()


def sheet(images: np.ndarray, columns: int) -> np.ndarray:
    """Images [N, H, W, C] side by side in rows of `columns`, without gaps; black where the last row is not full."""
    images = np.concatenate([images, np.zeros((-len(images) % columns, *images.shape[1:]), images.dtype)])
    _, height, width, channels = images.shape
    rows = images.reshape(-1, columns, height, width, channels).transpose(0, 2, 1, 3, 4)
    return rows.reshape(-1, columns * width, channels)


def zlib_with_dictionary(data: bytes, dictionary: bytes) -> int:
    """Size in bytes of raw deflate at its best, with `dictionary`, of which the last 32 kB are used."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zdict=dictionary[-(2**15) :])
    return len(compressor.compress(data) + compressor.flush())


def compressors(images: np.ndarray, train: np.ndarray) -> Thunks:
    """{row: thunk} of images as levels, uint8 [N, H, W, C], each compressor at its best setting.

    train: training images, uint8 [M, H, W, C], the dictionary of one of the rows.
    Metrics: `bytes` of all images together, `bits_per_dim`.
    """
    chex.assert_rank([images, train], 4)
    data = images.tobytes()

    def zstd() -> int:
        return len(pyarrow.Codec("zstd", pyarrow.Codec.maximum_compression_level("zstd")).compress(data))

    sizes: dict[str, Callable[[], int]] = {
        "PNG, a file an image": lambda: sum(png_bytes(image) for image in images),
        "PNG, one square sheet": lambda: png_bytes(sheet(images, math.isqrt(len(images)))),
        "PNG, one column": lambda: png_bytes(sheet(images, 1)),
        "zlib": lambda: len(zlib.compress(data, 9)),
        "zlib, training images as dictionary": lambda: zlib_with_dictionary(data, train.tobytes()),
        "zstd": zstd,
        "bz2": lambda: len(bz2.compress(data, 9)),
        "LZMA": lambda: len(lzma.compress(data, lzma.FORMAT_ALONE, preset=9 | lzma.PRESET_EXTREME)),
    }

    def row(size: Callable[[], int]) -> Measured:
        count = size()
        return Measured({"bytes": count, "bits_per_dim": 8 * count / images.size})

    return {name: functools.partial(row, size) for name, size in sizes.items()}
