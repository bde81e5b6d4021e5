"""Writes what torch.save writes, without torch: nested mappings of numpy arrays."""

import io
import pickle
import sys
import types
import zipfile
from collections import OrderedDict

import numpy as np


def _named(name, module):
    made = type(name, (), {})
    made.__module__, made.__qualname__ = module, name
    return made


class _Pickler(pickle.Pickler):
    def __init__(self, file, rebuild, storage):
        super().__init__(file, 2)
        self.rebuild, self.storage, self.stored = rebuild, storage, []

    def persistent_id(self, found):
        if not (isinstance(found, tuple) and found and found[0] is self.storage):
            return None
        self.stored.append(found[1].tobytes(order="A"))
        return "storage", self.storage, str(len(self.stored) - 1), "cpu", found[1].size

    def reducer_override(self, found):
        if not isinstance(found, np.ndarray):
            return NotImplemented
        strides = tuple(stride // found.itemsize for stride in found.strides)
        return self.rebuild, ((self.storage, found), 0, found.shape, strides, False, OrderedDict())


def torch_save(content, path, monkeypatch):
    """The content, float32 arrays as tensors, in the zip format of torch 1.6 and newer."""
    utils, torch = types.ModuleType("torch._utils"), types.ModuleType("torch")
    utils._rebuild_tensor_v2 = rebuild = _named("_rebuild_tensor_v2", "torch._utils")
    torch.FloatStorage = storage = _named("FloatStorage", "torch")
    buffer = io.BytesIO()
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "torch", torch)
        patch.setitem(sys.modules, "torch._utils", utils)
        pickler = _Pickler(buffer, rebuild, storage)
        pickler.dump(content)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", buffer.getvalue())
        for number, contents in enumerate(pickler.stored):
            archive.writestr(f"archive/data/{number}", contents)
    return path
