"""State dicts of torch without torch, and without running code from a pickle.

The formats are those of torch/serialization.py: a zip with data.pkl and one file per storage (since torch 1.6);
before that, several pickles, then the storages.
"""

from __future__ import annotations

import collections
import dataclasses
import io
import math
import pickle
import struct
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import ml_dtypes
import numpy as np

from deeplearn.errors import UserError, brief
from deeplearn.weights.archive import MOST, member

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

# What training scripts and Lightning save beside the weights. It is left out, and nothing of it is called.
_NUMPY = [f"numpy.{core}.multiarray.{name}" for core in ("core", "_core") for name in ("scalar", "_reconstruct")]
_LIGHTNING = (
    "lightning.fabric.utilities.data",
    "lightning_fabric.utilities.data",
    "pytorch_lightning.utilities.parsing",
)
HARMLESS = {
    *("argparse.Namespace", "collections.Counter", "collections.defaultdict", "_codecs.encode"),
    *(f"{builtins}.{name}" for builtins in ("builtins", "__builtin__") for name in ("set", "dict", "list")),
    *("pathlib.Path", "pathlib.PosixPath", "pathlib.WindowsPath", "pathlib._local.PosixPath"),
    *("numpy.dtype", "numpy.ndarray", "torch.Size", "torch.device", *_NUMPY),
    *(f"torch.{name}" for name in ("float32", "float16", "bfloat16", "float64", "int64", "int32", "uint8", "bool")),
    *(f"{package}.AttributeDict" for package in _LIGHTNING),
}
DEPTH = 4  # of mappings within mappings
PICKLE = 2**24  # bytes: that of a state dict of a thousand tensors has some 10⁵


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

    @property
    def bytes(self) -> int:
        return math.prod(self.shape) * self.storage.dtype.itemsize

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


class _Inert:
    """Stands for what training left beside the weights, such as its arguments. It stays empty, whatever is done."""

    __slots__ = ()

    def __new__(cls, *_: Any, **__: Any) -> _Inert:
        return super().__new__(cls)

    def __setstate__(self, _: Any) -> None: ...

    def __setitem__(self, *_: Any) -> None: ...

    def append(self, _: Any) -> None: ...

    def extend(self, _: Any) -> None: ...

    def add(self, _: Any) -> None: ...


class _Unpickler(pickle._Unpickler):  # type: ignore[name-defined]
    """Knows ordered dictionaries and tensors. Every other name is refused before anything is called.

    It is the one in Python: the one in C allocates whatever number a file gives to a memo.
    """

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file, encoding="utf-8")
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if module == "torch._utils" and name in ("_rebuild_tensor", "_rebuild_tensor_v2"):
            return _RebuildTensor()
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return _RebuildParameter()
        if module == "torch" and name in _STORAGES:
            return np.dtype(_STORAGES[name])
        if f"{module}.{name}" in HARMLESS:
            return _Inert
        raise _Refused(f"{module}.{name}")

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key, _, size = pid[:5]
        if kind != "storage" or not isinstance(dtype, np.dtype) or (len(pid) > 5 and pid[5] is not None):
            raise ValueError("an unknown kind of storage")
        storage = _Storage(str(key), dtype, int(size))
        self.storages[storage.key] = storage
        return storage


def read_torch(path: Path) -> dict[str, np.ndarray]:
    """The state dict in a .pt or .pth of torch 1.6 or newer. UserError if it is none, or would run code."""

    def read() -> tuple[Any, Callable[[_Storage], bytes]]:
        archive = zipfile.ZipFile(path)
        pickles = [name for name in archive.namelist() if name.split("/")[1:] == ["data.pkl"]]
        if len(pickles) != 1:
            raise UserError(f"{path} is a zip file, but none that torch.save wrote: it has no data.pkl")
        root = pickles[0].removesuffix("data.pkl")
        if f"{root}byteorder" in archive.namelist() and member(archive, f"{root}byteorder") != b"little":
            raise UserError(f"{path} was written on a big-endian machine: save it on another")
        if archive.getinfo(pickles[0]).file_size > PICKLE:
            raise ValueError(f"its data.pkl has more than {PICKLE} bytes")
        content = _Unpickler(io.BytesIO(member(archive, pickles[0]))).load()
        return content, lambda storage: member(archive, f"{root}data/{storage.key}")

    return _resolve(path, read)


def read_torch_legacy(path: Path) -> dict[str, np.ndarray]:
    """As `read_torch`, of a file from torch before 1.6; several of torchvision's own still are."""

    def read() -> tuple[Any, Callable[[_Storage], bytes]]:
        with path.open("rb") as file:
            for _ in ("magic number", "version", "system"):
                _Unpickler(file).load()
            unpickler = _Unpickler(file)
            content = unpickler.load()
            keys = list(map(str, _Unpickler(file).load()))
            storages = {key: _legacy_storage(file, unpickler.storages[key].dtype.itemsize) for key in keys}
        return content, lambda storage: storages[storage.key]

    return _resolve(path, read)


def _legacy_storage(file: IO[bytes], itemsize: int) -> bytes:
    (size,) = struct.unpack("<q", file.read(8))
    return file.read(size * itemsize)


def _resolve(path: Path, read: Callable[[], tuple[Any, Callable[[_Storage], bytes]]]) -> dict[str, np.ndarray]:
    try:
        content, fetch = read()
        tensors = _tensors(content, path)
        # Views of one storage are cut out one by one: together they may be shared, but not without bound.
        if sum(tensor.bytes for tensor in tensors.values()) > MOST * path.stat().st_size:
            raise ValueError("its tensors are larger than what it holds")
        flats: dict[str, np.ndarray] = {}
        result = {}
        for name, tensor in tensors.items():
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
            f"{path} asks for the code {brief(error)}, which weights never need, so it was not read and nothing "
            "was run: save model.state_dict() alone, or as safetensors"
        ) from None
    except Exception as error:  # a damaged pickle may fail in any way
        raise UserError(f"{path} is a torch file that is damaged or cut short ({brief(error)})") from None
    if not result:
        raise UserError(f"{path} is a torch file, but holds no state dict (a mapping of names to tensors)")
    return result


def _tensors(content: Any, path: Path) -> dict[str, _Tensor]:
    """The state dict in what was pickled: the mapping with the most tensors, under whatever keys it lies.

    A sentence on standard error says which, where another one has the same names (weights and their average).
    """
    found = sorted(_mappings(content, (), set()), key=lambda pair: -len(pair[1]))
    if not found:
        return {}
    keys, tensors = found[0]
    if same := [".".join(other) for other, more in found[1:] if more.keys() == tensors.keys()]:
        print(f"note: {path} has the same tensors in {', '.join(same)}; {'.'.join(keys)} is read", file=sys.stderr)
    return tensors


def _mappings(
    content: Any, keys: tuple[str, ...], seen: set[int]
) -> Iterator[tuple[tuple[str, ...], dict[str, _Tensor]]]:
    """(keys, tensors) of each mapping that holds some itself, once each, without those of optimisers."""
    if not isinstance(content, Mapping) or id(content) in seen or len(keys) > DEPTH:
        return
    seen.add(id(content))
    if tensors := {
        name: tensor for name, tensor in content.items() if isinstance(name, str) and isinstance(tensor, _Tensor)
    }:
        yield keys, tensors
    for key, value in content.items():
        if not str(key).startswith("optim"):
            yield from _mappings(value, (*keys, str(key)), seen)
