"""Weights of Keras without Keras: the legacy h5 of Keras 1 to 3, .weights.h5 and .keras of Keras 3."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import ml_dtypes
import numpy as np

from deeplearn.errors import UserError, brief
from deeplearn.weights.archive import FREE, MOST, member

ROLES = ("kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance")
LAYERS = ("layers", "_layer_checkpoint_dependencies")  # the second in .keras of Keras 2.12 and 2.13
CELL = ("kernel", "recurrent_kernel", "bias")  # of a recurrent layer
WAYS = {"forward_layer": "forward", "backward_layer": "backward"}  # within a bidirectional layer
NUMBERED = "layers/"  # before a layer whose name is not in the file, only its class and its number


class _Elsewhere(Exception):
    """Values that lie in another file: HDF5 can take them from any that this program may read."""


def read_keras(path: Path) -> dict[str, np.ndarray]:
    """{layer/role: array}, role one of `ROLES`, in Keras's layouts. UserError for a damaged or another file.

    A recurrent layer's roles are those of `CELL`; a bidirectional one has layer/forward/kernel and so on.
    Keras 3.0 to 3.5 kept no names of layers: there they are layers/conv2d, layers/conv2d_1 … of each class.
    """
    try:
        with h5py.File(_h5(path)) as file:
            if (linked := file.visititems_links(_external)) is not None:
                raise _Elsewhere(linked)
            root = file.get("model_weights", file)
            if "layer_names" in root.attrs:
                return _legacy(root)
            for layers in LAYERS:
                if layers in root:
                    return _keras_3(root[layers])
    except _Elsewhere as error:
        raise UserError(f"{path} takes {error} from other files of this machine, which are not read") from None
    except Exception as error:  # h5py raises almost anything on a damaged file
        raise UserError(f"{path} is a Keras file that is damaged or cut short ({brief(error)})") from None
    raise UserError(f"{path} is an HDF5 file, but holds no Keras weights (neither layer_names nor layers)")


def _h5(path: Path) -> Any:
    if not zipfile.is_zipfile(path):
        return path
    with zipfile.ZipFile(path) as archive:
        return io.BytesIO(member(archive, "model.weights.h5"))


def _external(name: str, link: Any) -> str | None:
    return name if isinstance(link, h5py.ExternalLink) else None


def _array(stored: Any) -> np.ndarray:
    """The values of a data set that lies in this file and is no larger than what is stored of it."""
    if not isinstance(stored, h5py.Dataset):
        raise ValueError(f"{stored.name} is no array")
    if stored.external or stored.is_virtual:
        raise _Elsewhere(stored.name)
    if stored.nbytes > max(FREE, MOST * stored.id.get_storage_size()):
        raise ValueError(f"{stored.name} declares {stored.nbytes} bytes")
    is_bfloat16 = stored.dtype == "V2" and stored.attrs.get("dtype") == "bfloat16"
    if stored.dtype.kind not in "biuf" and not is_bfloat16:
        raise ValueError(f"{stored.name} is of type {stored.dtype}")
    array = np.asarray(stored)
    return array.view(ml_dtypes.bfloat16) if is_bfloat16 else array


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
        if any(CELL[1] in name for name in names):
            for name in names:
                way = re.search(r"(?:^|/)(forward|backward)_", name)
                role = name.split("/")[-1].split(":")[0]
                result["/".join(filter(None, (layer, way and way[1], role)))] = _array(root[layer][name])
        elif names:
            result |= _named(layer, [_array(root[layer][name]) for name in names], names)
    return result


def _keras_3(layers: Any) -> dict[str, np.ndarray]:
    """Weights of a model's layers, and of a model that is a layer of it, as when a new head is put on one."""
    result: dict[str, np.ndarray] = {}
    for key, group in sorted(layers.items(), key=lambda item: _natural(item[0])):
        found: dict[str, np.ndarray] = _recurrent(key, group)
        for inner in LAYERS:
            if inner in group:
                found |= _keras_3(group[inner])
        stored = group.get("vars", {})
        if len(stored):
            # Groups are named after the layer's class; its own name is an attribute, since Keras 3.6.
            layer = _text(stored.attrs["name"]) if "name" in stored.attrs else f"{NUMBERED}{key}"
            found |= _named(layer, [_array(stored[str(n)]) for n in range(len(stored))])
        if twice := sorted(found.keys() & result.keys()):
            raise ValueError(f"{twice[0]} is there twice")
        result |= found
    return result


def _natural(key: str) -> tuple[str, int]:
    """lstm, lstm_1, …, lstm_10: in this order, which is the model's own among layers of a class."""
    match = re.fullmatch(r"(.*?)(?:_(\d+))?", key)
    assert match
    return match[1], int(match[2] or 0)


def _recurrent(key: str, group: Any) -> dict[str, np.ndarray]:
    """The weights of a recurrent layer's cell, or of the two of a bidirectional layer."""
    name = group["vars"].attrs.get("name") if "vars" in group else None
    layer = _text(name) if name is not None else f"{NUMBERED}{key}"
    cells = {f"{layer}/{way}": group[inner].get("cell", {}) for inner, way in WAYS.items() if inner in group}
    cells |= {layer: group["cell"]} if "cell" in group else {}
    return {
        f"{place}/{role}": _array(cell["vars"][str(number)])
        for place, cell in cells.items()
        if "vars" in cell
        for number, role in enumerate(CELL[: len(cell["vars"])])
    }
