"""Any file of weights as {name: array}; its format is found from its first bytes, not from its name."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from safetensors import safe_open

from deeplearn.errors import UserError, brief
from deeplearn.weights.keras_file import read_keras
from deeplearn.weights.torch_file import LEGACY_MAGIC, read_torch, read_torch_legacy

Tensors = dict[str, np.ndarray]

SAFETENSORS = {"BOOL", "U8", "I8", "U16", "I16", "F16", "BF16", "U32", "I32", "F32", "U64", "I64", "F64"}
# What torch itself puts before every name: DataParallel, and torch.compile.
WRAPPERS = ("module.", "_orig_mod.")


def read_tensors(path: Path) -> Tensors:
    """{name: array} of a safetensors file, a torch state dict (zip or legacy) or Keras weights (h5 or .keras).

    Names and layouts are the file's own, without torch's "module." and "_orig_mod."; a Keras weight is named
    layer/role, as in conv1_conv/kernel. No code in the file is ever run, no other file is read, and neither torch
    nor Keras is needed. UserError for a file that is missing, damaged, or something else.
    """
    kind, reader = _format(path)
    try:
        tensors = reader(path)
    except UserError:
        raise
    except Exception as error:  # whatever a library raises on bytes that it did not write
        raise UserError(f"{path} is a {kind} that is damaged or cut short ({brief(error)})") from None
    if not tensors:
        raise UserError(f"{path} is a {kind}, but there are no tensors in it")
    if odd := [name for name in tensors if not name.isprintable() or len(name) > 500]:
        raise UserError(f"{path} has a tensor called {odd[0][:50]!r}: no library of networks names it so")
    return _without_wrappers(tensors)


def _format(path: Path) -> tuple[str, Callable[[Path], Tensors]]:
    """What the first bytes say: its name, and the function that reads it."""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):  # a pipe would never end
            what = "Is a directory" if stat.S_ISDIR(mode) else "a pipe, a socket or a device"
            raise UserError(f"cannot read the weights {path} ({what}, not a file)")
        with path.open("rb") as file:
            head = file.read(16)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        raise UserError(f"cannot read the weights {path} ({getattr(error, 'strerror', None) or error})") from None
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return "Keras file", read_keras
    if head.startswith(b"PK\x03\x04"):
        try:
            with zipfile.ZipFile(path) as archive:
                is_keras = "model.weights.h5" in archive.namelist()
        except Exception as error:  # zipfile raises more than BadZipFile
            raise UserError(f"{path} is a zip file that is damaged or cut short ({brief(error)})") from None
        return ("Keras file", read_keras) if is_keras else ("torch file", read_torch)
    if head.startswith(LEGACY_MAGIC):
        return "torch file", read_torch_legacy
    if head[8:9] == b"{":  # 8 bytes of length, then JSON
        return "safetensors file", _read_safetensors
    empty = "is empty" if not head else "is not a file of weights"
    raise UserError(f"{path} {empty}: give safetensors, a torch state dict, or Keras's h5 or .keras")


def _read_safetensors(path: Path) -> Tensors:
    with safe_open(path, framework="np") as file:
        for name in file.keys():  # noqa: SIM118 (it is no mapping)
            if (dtype := file.get_slice(name).get_dtype()) not in SAFETENSORS:
                raise UserError(f"{name} in {path} is of type {dtype}: save the weights in float16 or float32")
        return dict(file.get_tensors())


def _without_wrappers(tensors: Tensors) -> Tensors:
    for wrapper in WRAPPERS * 2:  # either may be around the other
        if all(name.startswith(wrapper) for name in tensors):
            tensors = {name.removeprefix(wrapper): value for name, value in tensors.items()}
    return tensors


def is_ours(tensors: Tensors) -> bool:
    """Whether `save` wrote them."""
    return all(name.startswith(("params/", "batch_stats/")) for name in tensors)
