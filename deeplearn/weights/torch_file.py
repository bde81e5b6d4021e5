"""State dicts of torch without torch, and without running code from a pickle.

The formats are those of torch/serialization.py: a zip with data.pkl and one file per storage (since torch 1.6);
before that, several pickles, then the storages.
"""

from __future__ import annotations

import collections
import dataclasses
import pickle
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import ml_dtypes
import numpy as np

from deeplearn.errors import UserError, brief

LEGACY_MAGIC = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."  # 0x1950A86A20F9469CFC6C, pickled

_STORAGES = {
    "DoubleStorage": np.float64,
    "FloatStorage": np.float32,
    "HalfStorage": np.float16,
    "BFloat16Storage": ml_dtypes.bfloat16,
    "LongStorage": np.int64,
    "IntStorage": np.int32,
    "ShortStorage": np.int16,
    "CharStorage": np.int8,
    "ByteStorage": np.uint8,
    "BoolStorage": np.bool_,
}


class _Refused(Exception):
    """A pickle wants something other than tensors and dictionaries."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Storage:
    key: str
    dtype: np.dtype
    size: int


@dataclasses.dataclass(frozen=True, slots=True)
class _Tensor:
    """A view of a storage that has not been read yet."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def of(self, flat: np.ndarray) -> np.ndarray:
        if len(self.shape) != len(self.strides) or min((self.offset, *self.shape, *self.strides)) < 0:
            raise ValueError("a tensor's shape makes no sense")
        if 0 in self.shape:
            return np.zeros(self.shape, flat.dtype)
        last = self.offset + sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True))
        if last >= flat.size or np.prod(self.shape, dtype=float) > flat.size:
            raise ValueError("a tensor reaches beyond its storage")
        steps = [stride * flat.itemsize for stride in self.strides]
        return np.ascontiguousarray(np.lib.stride_tricks.as_strided(flat[self.offset :], self.shape, steps))


class _RebuildTensor:
    """Stands for torch._utils._rebuild_tensor_v2. Without a __dict__: a pickle can set nothing on it."""

    __slots__ = ()

    def __call__(self, storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> _Tensor:
        if not isinstance(storage, _Storage):
            raise ValueError("a tensor without a storage")
        return _Tensor(storage, int(offset), tuple(map(int, shape)), tuple(map(int, strides)))


class _RebuildParameter:
    """Stands for torch._utils._rebuild_parameter."""

    __slots__ = ()

    def __call__(self, data: Any, *_: Any) -> Any:
        return data


class _Unpickler(pickle.Unpickler):
    """Knows ordered dictionaries and tensors. Every other name is refused before anything is called."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if module == "torch._utils" and name in ("_rebuild_tensor", "_rebuild_tensor_v2"):
            return _RebuildTensor()
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return _RebuildParameter()
        if module == "torch" and name in _STORAGES:
            return np.dtype(_STORAGES[name])
        raise _Refused(f"{module}.{name}")

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key, _, size = pid[:5]
        if kind != "storage" or not isinstance(dtype, np.dtype) or (len(pid) > 5 and pid[5] is not None):
            raise ValueError("an unknown kind of storage")
        return _Storage(str(key), dtype, int(size))


def read_torch(path: Path) -> dict[str, np.ndarray]:
    """The state dict in a .pt or .pth of torch 1.6 or newer. UserError if it is none, or would run code."""

    def read() -> tuple[Any, Callable[[_Storage], bytes]]:
        archive = zipfile.ZipFile(path)
        pickles = [name for name in archive.namelist() if name.split("/")[1:] == ["data.pkl"]]
        if len(pickles) != 1:
            raise UserError(f"{path} is a zip file, but none that torch.save wrote: it has no data.pkl")
        root = pickles[0].removesuffix("data.pkl")
        if f"{root}byteorder" in archive.namelist() and archive.read(f"{root}byteorder") != b"little":
            raise UserError(f"{path} was written on a big-endian machine: save it on another")
        with archive.open(pickles[0]) as file:
            return _Unpickler(file, encoding="utf-8").load(), lambda s: archive.read(f"{root}data/{s.key}")

    return _resolve(path, read)


def read_torch_legacy(path: Path) -> dict[str, np.ndarray]:
    """As `read_torch`, of a file from torch before 1.6; several of torchvision's own still are."""

    def read() -> tuple[Any, Callable[[_Storage], bytes]]:
        with path.open("rb") as file:
            for _ in ("magic number", "version", "system"):
                _Unpickler(file).load()
            content = _Unpickler(file, encoding="utf-8").load()
            sizes = {tensor.storage.key: tensor.storage.dtype.itemsize for tensor in _tensors(content).values()}
            keys = _Unpickler(file).load()
            storages = {str(key): _legacy_storage(file, sizes.get(str(key))) for key in keys}
        return content, lambda storage: storages[storage.key]

    return _resolve(path, read)


def _legacy_storage(file: IO[bytes], itemsize: int | None) -> bytes:
    if itemsize is None:
        raise ValueError("a storage that no tensor uses")
    (size,) = struct.unpack("<q", file.read(8))
    return file.read(size * itemsize)


def _resolve(path: Path, read: Callable[[], tuple[Any, Callable[[_Storage], bytes]]]) -> dict[str, np.ndarray]:
    try:
        content, fetch = read()
        flats: dict[str, np.ndarray] = {}
        result = {}
        for name, tensor in _tensors(content).items():
            storage = tensor.storage
            if storage.key not in flats:
                flats[storage.key] = np.frombuffer(fetch(storage), storage.dtype)
                if flats[storage.key].size != storage.size:
                    raise ValueError("a storage is cut short")
            result[name] = tensor.of(flats[storage.key])
    except UserError:
        raise
    except _Refused as error:
        raise UserError(
            f"{path} asks for the code {error}, which weights never need, so it was not read and nothing was run: "
            "save model.state_dict() alone, or as safetensors"
        ) from None
    except Exception as error:  # a damaged pickle may fail in any way
        raise UserError(f"{path} is a torch file that is damaged or cut short ({brief(error)})") from None
    if not result:
        raise UserError(f"{path} is a torch file, but holds no state dict (a mapping of names to tensors)")
    return result


def _tensors(content: Any) -> dict[str, _Tensor]:
    """The tensors of a state dict, alone or stored with an epoch and an optimiser, without DataParallel's
    "module."."""
    for key in ("state_dict", "model"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping):
        return {}
    tensors = {str(name): value for name, value in content.items() if isinstance(value, _Tensor)}
    if tensors and all(name.startswith("module.") for name in tensors):
        return {name.removeprefix("module."): value for name, value in tensors.items()}
    return tensors
