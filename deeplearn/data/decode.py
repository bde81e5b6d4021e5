"""From TFDS records to splits: arrays when they fit in memory, records decoded on demand when not."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from deeplearn.data.dataset import Dataset
from deeplearn.data.decoded import Decoded, as_read, length_of
from deeplearn.data.images import fit
from deeplearn.data.partition import carve
from deeplearn.data.ragged import Ragged, Texts, halvings
from deeplearn.data.sound import MELS, frames
from deeplearn.data.split import PICTURES, Records
from deeplearn.errors import UserError

# Decoded examples that take more memory than this stay on disk.
MEMORY_BYTES = 2**30
# records that are read at a time
CHUNK = 1000
CARVE_SEED = 0
# Bytes that a text takes in memory in addition to its characters.
TEXT_BYTES = 64
# Bytes of sound's frames for each byte of its record, about: TFDS writes a sample as up to 10 bytes.
FRAMES = 0.1
# Numbers that TFDS's MovieLens stores as texts ("405"): without them its ratings have no user.
NUMBERS_AS_TEXT = ("movie_id", "user_id")

# Shape and type of an example by key; (None, …) are sequences of any length, which only arrays in memory have.
Columns = dict[str, tuple[tuple[Any, ...], np.dtype]]


def decode(builder: Any, name: str, side: int | None) -> Decoded | Dataset:
    """The prepared `builder`'s data set: Decoded when it fits in memory, else a Dataset of Records.

    Numeric arrays of one shape, texts, and sequences of any length are read; sound becomes the log-mel frames
    `sound`. Other features (nested ones) are left out.
    side: cut the images to squares of this many pixels.
    """
    columns = _columns(builder.info.features, name, side)
    levels = getattr(builder, "levels", 256 if "image" in columns else None)
    about = as_read(builder.about()) if hasattr(builder, "about") else {}
    label = dict(builder.info.features.items()).get("label")
    classes = tuple(getattr(label, "names", None) or getattr(builder, "classes", None) or ())
    orders = _split_orders({split: info.num_examples for split, info in builder.info.splits.items()}, name)
    sources = {split: builder.as_data_source(split=origin) for split, (origin, _) in orders.items()}
    size = _bytes(builder.info.splits.values(), columns)
    if size > MEMORY_BYTES:
        if "sound" in columns:
            raise UserError(
                f"the sound of {name} does not fit into memory ({size / 2**30:.1f} GiB): choose another."
            )
        columns = {key: column for key, column in columns.items() if not _varies(column)}
    decode_one = _decoder(columns, side, _audio(builder.info.features))

    if size > MEMORY_BYTES:
        splits: dict[str, Any] = {
            split: Records(sources[split], decode_one, columns, levels, order)
            for split, (_, order) in orders.items()
        }
        return Dataset(name=name, classes=classes, levels=levels, about=about, **splits)

    read = {split: _read(sources[split], decode_one, columns, order) for split, (_, order) in orders.items()}
    if getattr(builder, "packed", False):
        read = {
            split: {key: value.reshape(-1, *value.shape[2:]) for key, value in one.items()}
            for split, one in read.items()
        }
    longest = {
        key: max(len(value) for one in read.values() for value in one[key])
        for key, column in columns.items()
        if _varies(column)
    }
    arrays = {
        split: {key: _column(key, value, columns[key][1], longest.get(key)) for key, value in one.items()}
        for split, one in read.items()
    }
    return Decoded(arrays, classes, levels, about)


def _column(key: str, values: np.ndarray, dtype: np.dtype, longest: int | None) -> np.ndarray | Ragged | Texts:
    """The column as it is kept; longest: of all splits, where it holds sequences."""
    if longest is not None:
        return Ragged.of(list(values), dtype, buckets=halvings(longest), length=length_of(key))
    return Texts.of(values) if dtype.kind == "O" else values


def _varies(column: tuple[tuple[Any, ...], np.dtype]) -> bool:
    """Whether its examples are sequences of any length."""
    return column[0][:1] == (None,)


def _bytes(splits: Any, columns: Columns) -> int:
    """Bytes of the decoded examples; texts and sequences count as at most the size of their records."""
    texts = sum(dtype.kind == "O" for _, dtype in columns.values())
    fixed = [(shape, dtype) for shape, dtype in columns.values() if dtype.kind != "O" and None not in shape]
    row = sum(math.prod(shape) * dtype.itemsize for shape, dtype in fixed)
    examples = sum(info.num_examples for info in splits)
    beside = 1.0 if len(fixed) < len(columns) - ("sound" in columns) else FRAMES * ("sound" in columns)
    return examples * (row + TEXT_BYTES * texts) + int(beside * sum(info.num_bytes for info in splits))


def _columns(features: Any, name: str, side: int | None) -> Columns:
    """Shape and dtype of the features that a split can hold; dtype object is a text."""
    import tensorflow_datasets as tfds

    columns: Columns = {}
    for key, feature in features.items():
        if isinstance(feature, tfds.features.Image):
            columns[key] = (_image_shape(feature, name, side), np.dtype(np.uint8))
            if feature.np_dtype != np.uint8:
                raise UserError(f"{name} has {feature.np_dtype} images: only 8-bit images can be read.")
        elif isinstance(feature, tfds.features.Audio):
            if not feature.sample_rate or feature.np_dtype.kind == "O":
                raise UserError(f"{name} keeps its sound as files or hides its rate: choose another set.")
            columns["sound"] = ((None, MELS), np.dtype(np.float16))
        elif isinstance(feature, tfds.features.Tensor):  # ClassLabel and Scalar are Tensors too
            dtype = np.dtype(feature.np_dtype)
            if None not in feature.shape[1:] and dtype.kind in "biuf":
                columns[key] = (feature.shape, _compact(key, dtype))
            elif key in NUMBERS_AS_TEXT:
                columns[key] = ((), np.dtype(np.int32))
            elif dtype.kind == "O" and feature.shape == ():
                columns[key] = ((), dtype)
    if not columns:
        raise UserError(
            f"{name} has neither texts nor numbers of one shape (it has {', '.join(features)}): choose another set."
        )
    return columns


def _audio(features: Any) -> tuple[str, float] | None:
    """The name of the feature that is sound, and its samples a second."""
    import tensorflow_datasets as tfds

    found = ((key, one.sample_rate) for key, one in features.items() if isinstance(one, tfds.features.Audio))
    return next(found, None)


def _image_shape(feature: Any, name: str, side: int | None) -> tuple[int, ...]:
    height, width, channels = feature.shape
    if side:
        return side, side, channels
    if height is None or width is None:
        raise UserError(f"the images of {name} differ in size: say {name}@64 to cut them to squares.")
    return height, width, channels


def _compact(key: str, dtype: np.dtype) -> np.dtype:
    """The type in which a column is stored: pictures as uint8 levels, whole numbers as int32, the rest as float32,
    or as float16 where the set has it so."""
    if (key in PICTURES and dtype == np.uint8) or dtype == np.float16:
        return dtype
    return np.dtype(np.float32 if dtype.kind == "f" else np.int32)


def _split_orders(sizes: dict[str, int], name: str) -> dict[str, tuple[str, np.ndarray]]:
    """For each of our three splits the TFDS split it comes from and which of its records it takes.

    A missing split is carved out of train.
    """
    if "train" not in sizes:
        raise UserError(f"{name} has no train split (it has {', '.join(sizes)}): choose another set.")
    orders: dict[str, tuple[str, np.ndarray]] = {
        split: (split, np.arange(sizes[split])) for split in ("validation", "test") if split in sizes
    }
    left = np.arange(sizes["train"])
    for seed, split in enumerate(("validation", "test"), start=CARVE_SEED):
        if split not in orders:
            kept, carved = carve(np.zeros(len(left)), seed)
            orders[split] = ("train", left[carved])
            left = np.sort(left[kept])
    return {"train": ("train", left), **orders}


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _decoder(
    columns: Columns, side: int | None, audio: tuple[str, float] | None
) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def decode_one(example: dict[str, Any]) -> dict[str, Any]:
        chosen: dict[str, Any] = {
            key: _text(example[key]) if dtype.kind == "O" else np.asarray(example[key])
            for key, (_, dtype) in columns.items()
            if key in example
        }
        if audio:
            name, rate = audio
            chosen["sound"] = frames(example[name], int(rate))
        for key in chosen.keys() & set(NUMBERS_AS_TEXT):
            chosen[key] = chosen[key].astype(np.int32)
        if side and "image" in chosen:
            chosen["image"] = fit(chosen["image"], side)
        return chosen

    return decode_one


def _read(source: Any, decode_one: Callable, columns: Columns, order: np.ndarray) -> dict[str, np.ndarray]:
    """{key: [rows, ...]}; of sequences an array of arrays, dtype object [rows]."""
    arrays: dict[str, np.ndarray] = {
        key: np.empty(len(order), object) if None in shape else np.empty((len(order), *shape), dtype)
        for key, (shape, dtype) in columns.items()
    }
    for start in range(0, len(order), CHUNK):
        for row, record in enumerate(source.__getitems__(order[start : start + CHUNK].tolist()), start):
            for key, value in decode_one(record).items():
                varies = _varies(columns[key])
                arrays[key][row] = np.asarray(value, columns[key][1]) if varies else value
    return arrays
