"""The user's own arrays in one .npz file: `npz:PATH`.

Either `image` with an optional `label` [N], cut 80 / 10 / 10; or x_train, y_train, x_test, y_test as Keras keeps
them, or train_images, train_labels, …, with a validation split carved out of train unless there is one.
`deeplearn.data.levels` says which images are read, `deeplearn.data.labels` which labels. A number `levels` beside
images in uint8 says that white is levels - 1; without it white is 255. Other arrays in the file are not read. What
was found or changed is in the data set's `notes`.
"""

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from deeplearn.data.dataset import Dataset
from deeplearn.data.files import located
from deeplearn.data.labels import numbered, shown
from deeplearn.data.layouts import SPLITS
from deeplearn.data.levels import images_of
from deeplearn.data.partition import absent_classes, own_splits, repeated
from deeplearn.data.split import Arrays
from deeplearn.errors import UserError, reason

SEED = 0
ROLES = {
    **dict.fromkeys(("image", "images", "x"), "image"),
    **dict.fromkeys(("label", "labels", "y"), "label"),
}
LEVELS = "levels"
FORMS = "image (and label), or x_train, y_train, x_test, y_test"

Columns = dict[str, np.ndarray]
Keys = dict[str, dict[str, str]]  # {split, "" for none: {role: name of the array}}


def load_npz(path: str) -> Dataset:
    """Loads an .npz file; float images stay as they are (levels None). Raises UserError for a bad file."""
    file = located(path, "file", "check the path after npz:")
    arrays, keys, notes = read_arrays(file)
    given, start = {}, 0
    for split, names in keys.items():
        count = _length(arrays, names, file)
        given[split or "train"] = np.arange(start, start + count)
        start += count
    images, levels, changes = _images(arrays, keys, file)
    classes: tuple[str, ...] = ()
    label, numbers = np.zeros(len(images), np.int32), [f"{len(images)} images without labels"]
    labelled = "label" in next(iter(keys.values()))
    if labelled:
        found = [_flat(arrays[names["label"]]) for names in keys.values()]
        classes, label, numbers = numbered(_joined(found, f"labels in {file}"), f"labels in {file}")
    orders, cut = own_splits(given, label, classes, SEED)
    columns = {"image": images} | ({"label": label} if labelled else {})
    splits: dict[str, Any] = {
        split: Arrays({key: column[order] for key, column in columns.items()}, levels)
        for split, order in orders.items()
    }
    said = (*notes, *changes, *numbers, *cut, *repeated(images, orders))
    about = {"not in train": absent_classes(label[orders["train"]], classes)}
    return Dataset(name=f"npz:{path}", classes=classes, levels=levels, about=about, notes=said, **splits)


def images_in(file: Path) -> tuple[np.ndarray, int | None, list[str]] | None:
    """All images of a file in their order, [N, H, W, C], their levels and notes; None where the file has splits."""
    arrays, keys, _ = read_arrays(file)
    return _images(arrays, keys, file) if "" in keys else None


def read_arrays(file: Path) -> tuple[Columns, Keys, list[str]]:
    """(arrays by name, which of them is what, notes); UserError if the file is damaged or has no images."""
    try:
        with zipfile.ZipFile(file) as archive:
            sizes = {info.filename.removesuffix(".npy"): info.file_size for info in archive.infolist()}
        keys = _keys(sizes, file)
        names = [name for roles in keys.values() for name in roles.values()]
        names += [LEVELS] if LEVELS in sizes else []
        if sum(sizes[name] for name in names) > _memory() / 2:
            raise UserError(f"the arrays in {file} would fill this machine's memory: use a folder of images.")
        with np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in names}
    except UserError:
        raise
    except Exception as error:  # zipfile, its decompressors and numpy raise anything for damaged files
        if "Object arrays" in str(error):
            raise UserError(
                f"{file} holds pickled objects, which are never unpickled because that runs code: "
                "save plain numeric arrays."
            ) from error
        raise UserError(
            f"{file} is not a whole .npz file ({reason(error)}): save one with np.savez(path, image=images)."
        ) from error
    if strange := [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]:
        raise UserError(f"{shown(strange)} in {file} is no array: save one with np.savez(path, image=images).")
    unread = [name for name in sizes if name not in names]
    return arrays, keys, [f"arrays that are not read: {shown(unread)}"] if unread else []


def _keys(found: Any, file: Path) -> Keys:
    """Which array is what, by its name: UserError where two could be the same, and where some are missing."""
    keys: Keys = {}
    for name in found:
        words = [word for word in name.casefold().split("_") if word]
        roles = [ROLES[word] for word in words if word in ROLES]
        splits = [SPLITS[word] for word in words if word in SPLITS]
        if len(words) != len(roles) + len(splits) or len(roles) != 1 or len(splits) > 1:
            continue
        same = keys.setdefault("".join(splits), {})
        if roles[0] in same:
            raise UserError(f"{name} and {same[roles[0]]} in {file} could be the same: keep one of them.")
        same[roles[0]] = name
    there = f"{file} holds {shown(found) or 'no arrays'}"
    if any("image" not in roles for roles in keys.values()) or not keys.keys() & {"", "train"}:
        raise UserError(f"{there}: it needs {FORMS}.")
    if "" in keys and len(keys) > 1:
        raise UserError(f"{there}, images with a split and without: keep those of one kind.")
    if len({"label" in roles for roles in keys.values()}) > 1:
        raise UserError(f"{there}: the labels of some splits are missing.")
    return keys


def _images(arrays: Columns, keys: Keys, file: Path) -> tuple[np.ndarray, int | None, list[str]]:
    """All images, split after split, their levels and notes: one scale is found for all."""
    names = [roles["image"] for roles in keys.values()]
    levels = arrays.get(LEVELS)
    if levels is not None and not (levels.shape == () and levels.dtype.kind in "iu" and 2 <= levels <= 256):
        raise UserError(f"{LEVELS} in {file} must be one whole number from 2 to 256.")
    where, types = f"{' and '.join(names)} in {file}", {str(arrays[name].dtype) for name in names}
    if len(types) > 1:
        raise UserError(f"{where} are {' and '.join(sorted(types))}: store all in one dtype.")
    return images_of(
        _joined([arrays[name] for name in names], where), where, None if levels is None else int(levels)
    )


def _joined(arrays: list[np.ndarray], where: str) -> np.ndarray:
    first, *others = arrays
    if not others:
        return first
    for other in others:
        if other.ndim == 0 or other.shape[1:] != first.shape[1:]:
            raise UserError(
                f"{where} have the shapes {first.shape} and {other.shape}: give all examples one shape."
            )
        if np.result_type(first, other).kind not in (first.dtype.kind, other.dtype.kind):
            raise UserError(f"{where} are {first.dtype} and {other.dtype}: store all in one dtype.")
    return np.concatenate(arrays)


def _flat(label: np.ndarray) -> np.ndarray:
    """[N, 1], as in Keras's CIFAR, to [N]."""
    return label[:, 0] if label.ndim == 2 and label.shape[1] == 1 else label


def _length(arrays: Columns, names: dict[str, str], file: Path) -> int:
    """How many examples a split has: as many images as labels."""
    lengths = {name: len(arrays[name]) if arrays[name].ndim else 0 for name in names.values()}
    if len(set(lengths.values())) > 1:
        counts = " and ".join(f"{name} has {length}" for name, length in lengths.items())
        raise UserError(f"in {file} {counts} examples: they must be equally many.")
    return next(iter(lengths.values()))


def _memory() -> int:
    """Bytes of memory that this machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
