"""The user's own arrays in one .npz file: `npz:PATH`.

Either `image` [N, H, W] or [N, H, W, C] with an optional `label` [N], cut 80 / 10 / 10; or x_train, y_train,
x_test, y_test as Keras keeps them, with a validation split carved out of train. Images are uint8, or floats
in [0, 1]; labels are 0 .. classes - 1. A number `levels` beside images in uint8 says that white is levels - 1;
without it white is 255. Other arrays in the file are not read.
"""

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from deeplearn.data.dataset import Dataset
from deeplearn.data.decoded import Decoded
from deeplearn.data.partition import carve, train_validation_test
from deeplearn.errors import UserError

SEED = 0
KERAS = ("x_train", "y_train", "x_test", "y_test")
READ = {"image", "label", "levels", *KERAS}

Columns = dict[str, np.ndarray]


def load_npz(path: str) -> Dataset:
    """Loads an .npz file; float images stay as they are (levels None). Raises UserError for a bad file."""
    file = Path(path).expanduser()
    if not file.is_file():
        raise UserError(f"there is no file {file}: check the path after npz:.")
    arrays = read_arrays(file)
    if all(key in arrays for key in KERAS):
        train = _columns(arrays, "x_train", "y_train", file)
        test = _columns(arrays, "x_test", "y_test", file)
        if train["image"].shape[1:] != test["image"].shape[1:]:
            raise UserError(
                f"in {file} x_train holds images {train['image'].shape[1:]} and x_test {test['image'].shape[1:]}"
                ": give both one size."
            )
        if train["image"].dtype != test["image"].dtype:
            raise UserError(f"in {file} x_train and x_test differ in dtype: store both as uint8.")
        kept, carved = carve(train["label"], SEED)
        splits = {"train": _take(train, kept), "validation": _take(train, carved), "test": test}
    elif "image" in arrays:
        columns = _columns(arrays, "image", "label" if "label" in arrays else None, file)
        strata = columns.get("label", np.zeros(len(columns["image"])))
        orders = train_validation_test(strata, SEED)
        splits = {
            split: _take(columns, order)
            for split, order in zip(("train", "validation", "test"), orders, strict=True)
        }
    else:
        raise UserError(
            f"{file} holds {', '.join(arrays) or 'no arrays'}: it needs image (and label), or {', '.join(KERAS)}."
        )
    count = 1 + max(int(columns["label"].max()) if "label" in columns else -1 for columns in splits.values())
    levels = grey_levels(arrays, [columns["image"] for columns in splits.values()], file)
    return Decoded(splits, tuple(map(str, range(count))), levels).dataset(f"npz:{path}")


def read_arrays(file: Path) -> Columns:
    """Arrays by name, empty those of names that are not read; UserError if the file is damaged."""
    damaged = UserError(f"{file} is not a whole .npz file: save one with np.savez(path, image=images).")
    if not zipfile.is_zipfile(file):
        raise damaged
    try:
        with np.load(file, allow_pickle=False) as archive:
            return {key: archive[key] if key in READ else np.empty(0) for key in archive.files}
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise damaged from error
        raise UserError(
            f"{file} holds pickled objects, which are never unpickled because that runs code: "
            "save plain numeric arrays."
        ) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise damaged from error


def _columns(arrays: Columns, image_key: str, label_key: str | None, file: Path) -> Columns:
    columns = {"image": checked_images(arrays[image_key], f"{image_key} in {file}")}
    if len(columns["image"]) < 3:
        raise UserError(f"{image_key} in {file} has {len(columns['image'])}: three splits need at least 3 images.")
    if label_key:
        columns["label"] = _labels(arrays[label_key], f"{label_key} in {file}")
        if len(columns["label"]) != len(columns["image"]):
            raise UserError(
                f"in {file} {image_key} has {len(columns['image'])} examples and {label_key} "
                f"{len(columns['label'])}: they must be equally many."
            )
    return columns


def checked_images(images: np.ndarray, where: str) -> np.ndarray:
    """[N, H, W, C], bytes or floats in [0, 1], or a UserError that says where they were found."""
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or not len(images):
        raise UserError(f"{where} has shape {images.shape}: it must be [N, H, W] or [N, H, W, C].")
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind != "f":
        raise UserError(f"{where} is {images.dtype}: it must be uint8, or floats in [0, 1].")
    low, high = images.min(), images.max()
    if not (low >= 0 and high <= 1):  # written so that NaN fails too
        raise UserError(f"{where} has floats from {low:g} to {high:g}: scale them to [0, 1], or store uint8.")
    return images.astype(np.float32)


def grey_levels(arrays: Columns, images: Sequence[np.ndarray], file: Path) -> int | None:
    """How many grey levels images in uint8 have, black 0 included; None for floats; UserError if it cannot be."""
    if images[0].dtype != np.uint8:
        return None
    given = arrays.get("levels", np.array(256))
    if given.shape != () or given.dtype.kind not in "iu" or not 2 <= given <= 256:
        raise UserError(f"levels in {file} must be one whole number from 2 to 256.")
    brightest = max(int(image.max()) for image in images)
    if brightest >= given:
        raise UserError(f"{file} says that it has {given} grey levels, but a pixel is {brightest}.")
    return int(given)


def _labels(labels: np.ndarray, where: str) -> np.ndarray:
    if labels.ndim == 2 and labels.shape[1] == 1:  # as in Keras's CIFAR
        labels = labels[:, 0]
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or (len(labels) and labels.min() < 0):
        raise UserError(f"{where} is {labels.dtype} {labels.shape}: it must be whole numbers [N], counted from 0.")
    return labels.astype(np.int32)


def _take(columns: Columns, order: np.ndarray) -> Columns:
    return {key: column[order] for key, column in columns.items()}
