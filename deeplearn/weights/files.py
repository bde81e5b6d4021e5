"""Any file of weights as {name: array}; its format is found from its first bytes, not from its name."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from deeplearn.errors import UserError
from deeplearn.weights.keras_file import read_keras
from deeplearn.weights.torch_file import LEGACY_MAGIC, read_torch, read_torch_legacy

Tensors = dict[str, np.ndarray]


def read_tensors(path: Path) -> Tensors:
    """{name: array} of a safetensors file, a torch state dict (zip or legacy) or Keras weights (h5 or .keras).

    Names and layouts are the file's own; a Keras weight is named layer/role, as in conv1_conv/kernel. No code in
    the file is ever run, and neither torch nor Keras is needed. UserError for a file that is missing, damaged,
    or something else.
    """
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        raise UserError(f"cannot read the weights {path} ({error.strerror})") from None
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return read_keras(path)
    if head.startswith(b"PK\x03\x04"):
        return read_keras(path) if _is_keras_archive(path) else read_torch(path)
    if head.startswith(LEGACY_MAGIC):
        return read_torch_legacy(path)
    if head[8:9] == b"{":  # safetensors: 8 bytes of length, then JSON
        try:
            return load_file(path)
        except SafetensorError as error:
            raise UserError(f"{path} is a safetensors file that is damaged or cut short ({error})") from None
    raise UserError(
        f"{path} is not a file of weights: give safetensors, a torch state dict, or Keras's h5 or .keras"
    )


def _is_keras_archive(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return "model.weights.h5" in archive.namelist()
    except zipfile.BadZipFile:
        raise UserError(f"{path} is a zip file that is damaged or cut short: fetch it again") from None
