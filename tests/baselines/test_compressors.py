"""Compressors as rows: the bytes counted suffice to reconstruct the images."""

import zlib

import numpy as np
import pytest

from deeplearn.baselines.compressors import compressors, sheet, zlib_with_dictionary

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(4, size=(30, 6, 5, 1), dtype=np.uint8)


def test_a_sheet_holds_every_image_in_its_place():
    found = sheet(IMAGES, 4)
    assert found.shape == (8 * 6, 4 * 5, 1)
    np.testing.assert_array_equal(found[6:12, 10:15], IMAGES[6])
    assert not found[-6:, 10:].any()


def test_a_dictionary_of_the_very_data_is_all_there_is_to_send():
    data = RNG.bytes(2000)
    assert zlib_with_dictionary(data, data) < 50 < 2000 <= zlib_with_dictionary(data, b"x")


@pytest.mark.parametrize("channels", [1, 3])
def test_every_row_is_smaller_than_bytes_and_no_smaller_than_the_entropy(channels):
    images = np.repeat(np.tile(IMAGES, (10, 1, 1, 1)), channels, axis=-1)
    rows = {name: thunk().metrics for name, thunk in compressors(images, images[:30]).items()}
    assert len(rows) == 8
    for name, metrics in rows.items():
        assert metrics["bits_per_dim"] == 8 * metrics["bytes"] / images.size
        assert name == "PNG, a file an image" or metrics["bits_per_dim"] < 4
    assert rows["zlib"]["bytes"] == len(zlib.compress(images.tobytes(), 9))
    assert rows["PNG, one square sheet"]["bytes"] < rows["PNG, a file an image"]["bytes"]
