"""Preparing TFDS's image sets without TensorFlow, and reading its sets of sound.

Many of TFDS's builders (the MNIST family, CIFAR, …) use TensorFlow for two things only: to open local files
through tf.io.gfile and to encode arrays as PNG. While such a set is prepared, Python's own files and Pillow
stand in for both.
"""

import functools
import importlib.util
import os
import shutil
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np


@contextmanager
def without_tensorflow(builder: Any) -> Iterator[None]:
    """Lets `builder` prepare itself without TensorFlow; changes nothing where TensorFlow is installed."""
    if importlib.util.find_spec("tensorflow") is not None:
        yield
        return
    _encode_with_pillow(builder.info.features)
    sys.modules["tensorflow"] = _stand_in()
    try:
        yield
    finally:
        del sys.modules["tensorflow"]


def sound_without_tensorflow() -> None:
    """Lets TFDS describe features of sound without TensorFlow, of which it only wants its name for a type.

    Changes nothing where TensorFlow is installed.
    """
    from tensorflow_datasets.core.features import audio_feature

    def describe(decoder: Any, file_format: str | None, np_dtype: Any, shape: tuple) -> None:
        vars(decoder).update(_file_format=file_format, _np_dtype=np_dtype, _dtype=np_dtype, _shape=shape)
        decoder._channels = shape[1] if len(shape) > 1 else 1

    if importlib.util.find_spec("tensorflow") is None:
        audio_feature._AudioDecoder.__init__ = describe


def _stand_in() -> types.ModuleType:
    gfile = types.SimpleNamespace(
        GFile=open,
        exists=os.path.exists,
        isdir=os.path.isdir,
        listdir=os.listdir,
        makedirs=functools.partial(os.makedirs, exist_ok=True),
        remove=os.remove,
        rename=os.replace,
        rmtree=shutil.rmtree,
    )
    tensorflow = types.ModuleType("tensorflow")
    vars(tensorflow).update(
        __version__="2.1.0",  # what TFDS needs at least
        io=types.SimpleNamespace(gfile=gfile),
        compat=types.SimpleNamespace(as_text=os.fsdecode),
        Tensor=type("Tensor", (), {}),  # features check whether a value is one
    )
    return tensorflow


def _encode_with_pillow(features: Any) -> None:
    """Makes the Image features of this one builder take arrays [H, W, C] uint8 as Pillow images."""
    import tensorflow_datasets as tfds
    from PIL import Image

    def wrap(encode):
        def encode_example(image):
            if isinstance(image, np.ndarray):
                image = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
            return encode(image)

        return encode_example

    for feature in features.values():
        if isinstance(feature, tfds.features.Image):
            feature.encode_example = wrap(feature.encode_example)
