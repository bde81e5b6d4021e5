"""Decoded arrays beside a prepared data set, so that a second start reads them in milliseconds.

Reading a record costs about 0.1 ms and importing TFDS most of a second; reading these arrays needs neither.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from deeplearn.data.dataset import Dataset
from deeplearn.data.ragged import Ragged, Texts
from deeplearn.data.split import Arrays

# Raise this when the format of the files below changes.
FORMAT = 3
# A column of texts or of sequences is stored as several arrays, with these suffixes.
UTF8, OFFSETS, VALUES, BUCKETS = ":utf8", ":offsets", ":values", ":buckets"

Column = np.ndarray | Ragged | Texts


@dataclass(frozen=True)
class Decoded:
    """A whole data set in memory, images as uint8 levels: splits[split][key] is [N, ...], N texts or N sequences.

    The lengths of a column of sequences are called as `length_of` says.
    """

    splits: Mapping[str, Mapping[str, Column]]
    classes: tuple[str, ...] = ()
    levels: int | None = None
    about: dict[str, Any] = field(default_factory=dict)

    def dataset(self, name: str) -> Dataset:
        splits: dict[str, Any] = {split: Arrays(columns, self.levels) for split, columns in self.splits.items()}
        return Dataset(name=name, classes=self.classes, levels=self.levels, about=self.about, **splits)


def write(directory: Path, decoded: Decoded, prepared: Path) -> None:
    """Writes `decoded`, made from the records in `prepared`. The caller holds the lock. OSError where it cannot.

    The directory appears in one rename, so a killed writer leaves nothing that looks complete.
    """
    unfinished = directory.with_name(directory.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    for split, columns in decoded.splits.items():
        arrays: dict[str, np.ndarray] = {}
        for key, column in columns.items():
            if isinstance(column, Texts):
                arrays |= {key + UTF8: column.utf8, key + OFFSETS: column.offsets}
            elif isinstance(column, Ragged):
                arrays |= {key + VALUES: column.values, key + OFFSETS: column.offsets}
                arrays[key + BUCKETS] = np.array(column.buckets)
            else:
                arrays[key] = column
        np.savez(unfinished / f"{split}.npz", allow_pickle=False, **arrays)
    facts = {
        "format": FORMAT,
        "stamp": _stamp(prepared),
        "splits": list(decoded.splits),
        "classes": decoded.classes,
        "levels": decoded.levels,
        "about": {key: to_json(value) for key, value in decoded.about.items()},
    }
    (unfinished / "facts.json").write_text(json.dumps({"check": _check(facts), **facts}, indent=1))
    shutil.rmtree(directory, ignore_errors=True)
    unfinished.rename(directory)


def read(directory: Path, prepared: Path) -> Decoded | None:
    """What `write` wrote, or None when it is absent, damaged, or older than the records in `prepared`."""
    try:
        facts = json.loads((directory / "facts.json").read_text())
        if facts["format"] != FORMAT or facts["stamp"] != _stamp(prepared) or facts.pop("check") != _check(facts):
            return None
        splits = {split: _read_columns(directory / f"{split}.npz") for split in facts["splits"]}
        about = {key: from_json(value) for key, value in facts["about"].items()}
        return Decoded(splits, tuple(facts["classes"]), facts["levels"], about)
    except Exception:  # absent, or damaged in any way: zipfile and numpy raise anything; it is made again
        return None


def length_of(key: str) -> str:
    """The name of the lengths of a column of sequences."""
    return "length" if key == "tokens" else f"{key}_length"


def _read_columns(path: Path) -> dict[str, Column]:
    with np.load(path, allow_pickle=False) as arrays:
        columns: dict[str, Column] = {}
        for key in arrays.files:
            if key.endswith(UTF8):
                name = key.removesuffix(UTF8)
                columns[name] = Texts(arrays[key], arrays[name + OFFSETS])
            elif key.endswith(VALUES):
                name = key.removesuffix(VALUES)
                buckets = arrays[name + BUCKETS].tolist()
                columns[name] = Ragged(arrays[key], arrays[name + OFFSETS], buckets, length=length_of(name))
            elif not key.endswith((OFFSETS, BUCKETS)):
                columns[key] = arrays[key]
        return columns


def _check(facts: dict[str, Any]) -> str:
    """Differs when a fact does: the arrays have checksums of their own, in the zip format."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _stamp(prepared: Path) -> list:
    """Changes when another version is prepared, or the same one again."""
    return [prepared.name, (prepared / "dataset_info.json").stat().st_mtime_ns]


def to_json(value: Any) -> Any:
    """A fact of a data set (a number, text, tuple or array) in a form that JSON can hold."""
    if isinstance(value, np.generic):
        return value.item()
    return {"array": value.tolist(), "dtype": str(value.dtype)} if isinstance(value, np.ndarray) else value


def as_read(about: Mapping[str, Any]) -> dict[str, Any]:
    """Facts as a second start reads them, so that the first has the same: lists become tuples."""
    return {key: from_json(json.loads(json.dumps(to_json(value)))) for key, value in about.items()}


def from_json(value: Any) -> Any:
    """The fact that `to_json` wrote."""
    if isinstance(value, dict):
        return np.asarray(value["array"], value.get("dtype"))
    return tuple(map(from_json, value)) if isinstance(value, list) else value
