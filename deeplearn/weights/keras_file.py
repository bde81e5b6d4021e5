"""Weights of Keras without Keras: the legacy h5 of Keras 1 to 3, .weights.h5 and .keras of Keras 3."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from deeplearn.errors import UserError, brief

ROLES = ("kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance")


def read_keras(path: Path) -> dict[str, np.ndarray]:
    """{layer/role: array}, role one of `ROLES`, in Keras's layouts. UserError for a damaged or another file."""
    try:
        with h5py.File(_h5(path)) as file:
            root = file.get("model_weights", file)
            if "layer_names" in root.attrs:
                return _legacy(root)
            if "layers" in root:
                return _keras_3(root)
    except (OSError, RuntimeError, KeyError, ValueError, zipfile.BadZipFile) as error:
        reason = brief(error)
        raise UserError(f"{path} is a Keras file that is damaged or cut short ({reason})") from None
    raise UserError(f"{path} is an HDF5 file, but holds no Keras weights (neither layer_names nor layers)")


def _h5(path: Path) -> Any:
    if not zipfile.is_zipfile(path):
        return path
    with zipfile.ZipFile(path) as archive:
        return io.BytesIO(archive.read("model.weights.h5"))


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else name


def _named(layer: str, arrays: Sequence[np.ndarray], names: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """A layer's weights by role: from their names, or if these do not say, from Keras's order."""
    roles = [name.split("/")[-1].split(":")[0].replace("depthwise_kernel", "kernel") for name in names]
    if not names or not set(roles) <= set(ROLES):
        # Without a scale, as in Inception-v3, batch norm has three.
        roles = {1: ["kernel"], 2: ["kernel", "bias"], 3: list(ROLES[3:]), 4: list(ROLES[2:])}.get(len(arrays), [])
    if len(roles) != len(arrays):
        raise ValueError(f"the layer {layer} has {len(arrays)} weights of unknown roles")
    return {f"{layer}/{role}": array for role, array in zip(roles, arrays, strict=True)}


def _legacy(root: Any) -> dict[str, np.ndarray]:
    result: dict[str, np.ndarray] = {}
    for layer in map(_text, root.attrs["layer_names"]):
        names = [_text(name) for name in root[layer].attrs["weight_names"]]
        if names:
            result |= _named(layer, [np.asarray(root[layer][name]) for name in names], names)
    return result


def _keras_3(root: Any) -> dict[str, np.ndarray]:
    result: dict[str, np.ndarray] = {}
    for key, group in root["layers"].items():
        stored = group.get("vars", {})
        if len(stored):
            # Groups are named after the layer's class; its own name is an attribute.
            layer = _text(stored.attrs.get("name", key))
            result |= _named(layer, [np.asarray(stored[str(n)]) for n in range(len(stored))])
    return result
