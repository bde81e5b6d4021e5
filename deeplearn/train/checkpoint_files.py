"""The files of one checkpoint as they are read: its description, with a checksum of its own, and its arrays."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
import tensorstore

OLDER = {"checksum", "specification", "notes"}  # of a description without a seal, from before there was one


def steps_in(directory: Path) -> list[int]:
    """The steps of the checkpoints in a directory, the newest last.

    Those that are being written, or were set aside as damaged, have longer names.
    """
    if not directory.is_dir():
        return []
    return sorted(int(one.name) for one in directory.iterdir() if one.name.isascii() and one.name.isdecimal())


def sealed(description: Mapping[str, Any]) -> dict[str, Any]:
    """The description with its own checksum, so that damage there is not taken for another experiment."""
    return {**description, "seal": _seal(description)}


def _seal(description: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()


def read_description(place: Path, step: int) -> dict[str, Any]:
    """What was saved beside the arrays of a checkpoint: {"checksum", "specification", "notes"}.

    And {"step", "run", "values"}, unless it is of an older version. ValueError, OSError or RecursionError where it
    is damaged or of another step.
    """
    description = json.loads((place / "meta" / "metadata").read_text())
    if isinstance(description, dict) and set(description) == OLDER:
        return description
    if not isinstance(description, dict) or description.pop("seal", None) != _seal(description):
        raise ValueError("its description does not match its checksum")
    if description["step"] != step:
        raise ValueError(f"it is of step {description['step']}")
    return description


def array_name(path: jax.tree_util.KeyPath) -> str:
    """The name under which an array of a tree is stored."""
    return ".".join(jax.tree_util.keystr((key,), simple=True) for key in path)


def read_arrays(place: Path, leaves: Mapping[str, Any]) -> dict[str, Any]:
    """The arrays of the given names, shapes and types; each where its sharding says, or as numpy without one.

    Each host reads only the parts that lie on its devices. TensorStore reads them: when one of many arrays is
    damaged, Orbax closes its event loop while it reads the others, and each of these prints a traceback.
    """
    opening = {name: _open(place, name) for name in leaves}
    # All are asked for before the first is awaited: they are read at the same time.
    reading = {name: _parts(opening[name].result(), name, leaf) for name, leaf in leaves.items()}
    return {name: _joined(reading[name], leaf) for name, leaf in leaves.items()}


def _open(place: Path, name: str) -> Any:
    base = {"driver": "file", "path": f"{place.resolve() / 'state'}/"}
    store = {"driver": "ocdbt", "base": base, "path": f"{name}/"}
    return tensorstore.open({"driver": "zarr", "kvstore": store}, read=True, open=True)


def _sharding(leaf: Any) -> Any:
    sharding = getattr(leaf, "sharding", None)
    return sharding if isinstance(sharding, jax.sharding.Sharding) else None


def _parts(store: Any, name: str, leaf: Any) -> dict[str, Any]:
    """{part of the array: its values, still being read}; parts that several devices hold are read once."""
    if store.shape != tuple(leaf.shape) or store.dtype.numpy_dtype != np.dtype(leaf.dtype):
        raise ValueError(f"{name} has another shape or type than its description says")
    sharding = _sharding(leaf)
    indices = [...] if sharding is None else sharding.addressable_devices_indices_map(store.shape).values()
    return {str(index): store[index].read() for index in {str(index): index for index in indices}.values()}


def _joined(parts: Mapping[str, Any], leaf: Any) -> Any:
    read = {index: np.asarray(values.result()) for index, values in parts.items()}
    if (sharding := _sharding(leaf)) is None:
        return read[str(...)]
    return jax.make_array_from_callback(tuple(leaf.shape), sharding, lambda index: read[str(index)])
