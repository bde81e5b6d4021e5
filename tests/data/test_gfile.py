"""What stands in for TensorFlow while a set is prepared: as TFDS uses it, and removed afterwards."""

import importlib.util
import io
import sys
import types

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from deeplearn.data.gfile import without_tensorflow


def builder(**features):
    return types.SimpleNamespace(info=types.SimpleNamespace(features=features))


def test_files_are_handled_as_tensorflow_would(tmp_path):
    with without_tensorflow(builder()):
        import tensorflow as tf

        folder, file = str(tmp_path / "a" / "b"), str(tmp_path / "a" / "b" / "c")
        for _ in range(2):  # tf.io.gfile.makedirs does not mind a folder that is there
            tf.io.gfile.makedirs(folder)
        with tf.io.gfile.GFile(file, "wb") as opened:
            opened.write(b"12")
        with tf.io.gfile.GFile(file, "rb") as opened:
            assert opened.read() == b"12"
        assert tf.io.gfile.listdir(folder) == ["c"] and tf.io.gfile.isdir(folder)
        tf.io.gfile.rename(file, file + "d")
        assert tf.io.gfile.exists(file + "d") and not tf.io.gfile.exists(file)
        tf.io.gfile.rmtree(str(tmp_path / "a"))
        assert not (tmp_path / "a").exists()
        assert not isinstance(np.zeros(1), tf.Tensor) and tf.compat.as_text(b"a") == "a"


def test_it_is_gone_afterwards_also_after_an_error():
    with pytest.raises(KeyError), without_tensorflow(builder()):
        assert "tensorflow" in sys.modules
        raise KeyError
    assert "tensorflow" not in sys.modules


def test_nothing_is_changed_where_tensorflow_is_installed(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name == "tensorflow" or None)
    image = tfds.features.Image(shape=(2, 2, 1))
    before = image.encode_example
    with without_tensorflow(builder(image=image)):
        assert "tensorflow" not in sys.modules and image.encode_example == before


@pytest.mark.parametrize("channels", [1, 3])
def test_arrays_become_pngs_that_pillow_reads_back(channels):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 4, channels), dtype=np.uint8)
    image = tfds.features.Image(shape=(5, 4, channels), encoding_format="png")
    with without_tensorflow(builder(image=image)):
        encoded = image.encode_example(pixels)
    decoded = np.asarray(Image.open(io.BytesIO(encoded))).reshape(pixels.shape)
    np.testing.assert_array_equal(decoded, pixels)
