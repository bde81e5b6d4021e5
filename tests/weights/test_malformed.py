"""Files of weights that are damaged, odd or made to do harm: each ends in one sentence, and reads no other file."""

import io
import json
import os
import pickle
import struct
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from flax import traverse_util

from deeplearn.errors import UserError
from deeplearn.models.resnet import ResNet
from deeplearn.weights import Config, Preprocessing, load, read_tensors, save
from deeplearn.weights.load import abstract_variables

FILES = Path(__file__).parent.parent / "golden" / "weights_files"
ONE = np.ones(2, np.float32)


def safetensors(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


SAFETENSORS = {
    "a header of ten gigabytes": (safetensors(b"{", length=10**10), "damaged or cut short"),
    "a header of no end": (safetensors(b"{", length=2**64 - 1), "damaged or cut short"),
    "offsets that overlap": (
        safetensors({"a": tensor(), "b": tensor(offsets=(4, 12))}, bytes(12)),
        "damaged or cut short",
    ),
    "a tensor beyond the file": (safetensors({"a": tensor(offsets=(0, 80), shape=(20,))}, bytes(8)), "cut short"),
    "offsets turned round": (safetensors({"a": tensor(offsets=(8, 0))}, bytes(8)), "cut short"),
    "negative offsets": (safetensors({"a": tensor(offsets=(-8, 0))}, bytes(8)), "cut short"),
    "bytes that no tensor has": (safetensors({"a": tensor()}, bytes(12)), "cut short"),
    "an enormous shape": (safetensors({"a": tensor(shape=(10**9, 10**9))}, bytes(8)), "cut short"),
    "an enormous empty shape": (safetensors({"a": tensor(shape=(0, 10**19), offsets=(0, 0))}), "cut short"),
    "a negative shape": (safetensors({"a": tensor(shape=(-2,))}, bytes(8)), "cut short"),
    "no tensors": (safetensors({}), "no tensors in it"),
    "metadata alone": (safetensors({"__metadata__": {"format": "pt"}}), "no tensors in it"),
    "deep JSON": (safetensors(b'{"a":' + b"[" * 100_000), "cut short"),
    "half a header": (safetensors(b'{"a":', length=500), "cut short"),
    "a header that is a list": (safetensors(b"{}"[:1] + b"1]"), "cut short"),
    "float8": (safetensors({"a": tensor("F8_E4M3", offsets=(0, 2))}, bytes(2)), "a in .* is of type F8_E4M3"),
    "another float8": (safetensors({"a": tensor("F8_E5M2", offsets=(0, 2))}, bytes(2)), "is of type F8_E5M2"),
    "scales in float8": (safetensors({"a": tensor("F8_E8M0", offsets=(0, 2))}, bytes(2)), "is of type F8_E8M0"),
    "float4": (safetensors({"a": tensor("F4", offsets=(0, 1))}, bytes(1)), "is of type F4"),
    "int4": (safetensors({"a": tensor("I4", offsets=(0, 1))}, bytes(1)), "safetensors file"),
    "complex numbers": (safetensors({"a": tensor("C64", offsets=(0, 16))}, bytes(16)), "is of type C64"),
    "a type that does not exist": (safetensors({"a": tensor("F7")}, bytes(8)), "safetensors file"),
    "a name of two lines": (safetensors({"a\nb": tensor()}, bytes(8)), r"a tensor called 'a\\nb'"),
    "a name that colours the terminal": (safetensors({"\x1b[31m": tensor()}, bytes(8)), r"called '\\x1b\[31m'"),
    "a name of a thousand letters": (safetensors({"a" * 1000: tensor()}, bytes(8)), "a tensor called 'aaa"),
}


def torch_zip(pickled, extra=(), compression=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.writestr("a/data.pkl", pickled)
        for name, content in extra:
            archive.writestr(f"a/{name}", content)
    return buffer.getvalue()


def stored(shape="K\x02\x85", stride="K\x01\x85", size=2, kind="FloatStorage", offset="K\x00", key="0"):
    """A pickle of {"w": tensor}, written by hand."""
    storage = f"(X\x07\x00\x00\x00storagectorch\n{kind}\nX\x01\x00\x00\x00{key}X\x03\x00\x00\x00cpuJ".encode(
        "latin-1"
    )
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + struct.pack("<i", size) + b"tQ"
    tensor += f"{offset}{shape}{stride}\x89}}tR".encode("latin-1")
    return b"\x80\x02}X\x01\x00\x00\x00w" + tensor + b"s."


HERE = [("data/0", ONE.tobytes())]
BIG = "J" + struct.pack("<i", 10**9).decode("latin-1")


def nested(times):
    """Mappings that hold each other, a billion paths deep."""
    inner = {}
    for _ in range(times):
        inner = {str(number): inner for number in range(50)}
    return pickle.dumps(inner, protocol=2)


def around():
    inner = {}
    inner["a"] = inner
    return pickle.dumps(inner, protocol=2)


class Call:
    """What a pickle does when it is unpickled."""

    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


TORCH = {
    "no state dict": (torch_zip(pickle.dumps({"epoch": 3}, protocol=2)), "holds no state dict"),
    "a list": (torch_zip(pickle.dumps([1, 2], protocol=2)), "holds no state dict"),
    "a number": (torch_zip(pickle.dumps(3, protocol=2)), "holds no state dict"),
    "mappings within mappings": (torch_zip(nested(8)), "holds no state dict"),
    "a mapping that holds itself": (torch_zip(around()), "holds no state dict"),
    "no pickle": (torch_zip(b"hello"), "damaged or cut short"),
    "an empty pickle": (torch_zip(b""), "damaged or cut short"),
    "a memo of four billion places": (torch_zip(b"\x80\x02}r\xff\xff\xff\x7f."), "holds no state dict"),
    "a text of a terabyte": (torch_zip(b"\x80\x04\x8d" + struct.pack("<Q", 2**40) + b"a."), "damaged or cut short"),
    "no storage": (torch_zip(stored()), "damaged or cut short"),
    "a storage cut short": (torch_zip(stored(), [("data/0", b"abcd")]), "a storage is cut short"),
    "a storage of negative size": (torch_zip(stored(size=-2), HERE), "a storage is cut short"),
    "a storage of another type": (torch_zip(stored(kind="Storage"), HERE), "the code torch.Storage"),
    "quantised storage": (torch_zip(stored(kind="QInt8Storage"), HERE), "the code torch.QInt8Storage"),
    "complex storage": (torch_zip(stored(kind="ComplexFloatStorage"), HERE), "the code torch.ComplexFloatStorage"),
    "a storage outside the archive": (torch_zip(stored(key="/"), HERE), "damaged or cut short"),
    "a billion values of stride 0": (
        torch_zip(stored(shape=f"{BIG}\x85", stride="K\x00\x85"), HERE),
        "larger than what it holds",
    ),
    "a negative shape": (torch_zip(stored(shape="J\xff\xff\xff\xff\x85"), HERE), "shape makes no sense"),
    "a shape without strides": (torch_zip(stored(stride=")"), HERE), "shape makes no sense"),
    "an offset beyond": (torch_zip(stored(offset="K\x02"), HERE), "beyond its storage"),
    "a stride beyond": (torch_zip(stored(stride="K\x09\x85"), HERE), "beyond its storage"),
    "a bomb": (
        torch_zip(stored(size=2**28), [("data/0", bytes(2**26 + 4))], zipfile.ZIP_DEFLATED),
        "unpacks from .* to 67108868 bytes",
    ),
    "a pickle that is a bomb": (torch_zip(b"N0" * 2**24, (), zipfile.ZIP_DEFLATED), "more than 16777216 bytes"),
    "code": (torch_zip(pickle.dumps({"a": Call(os.system, "true")}, protocol=2)), r"the code \w+.system"),
    "code deep inside": (
        torch_zip(pickle.dumps({"a": [{"b": (1, {"c": Call(os.system, "true")})}]}, protocol=2)),
        r"the code \w+.system",
    ),
    "code behind a harmless name": (
        torch_zip(b"\x80\x02cargparse\nNamespace\nq\x00cbuiltins\neval\nX\x04\x00\x00\x001+1R."),
        "the code builtins.eval",
    ),
    "an attribute of a module": (torch_zip(b"\x80\x04\x8c\x02os\x8c\x04path\x93."), "the code os.path"),
    "code of a long name": (torch_zip(b"\x80\x02c" + b"a" * 5000 + b"\nb\n."), "asks for the code a{100}"),
    "an extension": (torch_zip(b"\x80\x02\x82\x01."), "damaged or cut short"),
    "two pickles": (torch_zip(stored(), [("b/data.pkl", b"")]), "damaged or cut short|no data.pkl"),
    "the other byte order": (torch_zip(stored(), [*HERE, ("byteorder", b"big")]), "big-endian"),
    "another zip": (torch_zip(b"")[:-10] + bytes(10), "zip file"),
}

OTHER = {
    "an empty file": (b"", "is empty"),
    "one byte": (b"\x00", "is not a file of weights"),
    "a page of the web": (b"<!DOCTYPE html><html>", "is not a file of weights"),
    "a pointer to a large file": (b"version https://git-lfs.github.com/spec/v1\n", "is not a file of weights"),
    "the beginning of a zip": (b"PK\x03\x04", "a zip file that is damaged or cut short"),
    "the beginning of HDF5": (b"\x89HDF\r\n\x1a\n", "a Keras file that is damaged or cut short"),
    "the beginning of an old torch file": (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "damaged or cut short"),
    "a pickle of something else": (pickle.dumps({"a": 1}), "is not a file of weights"),
}

WHOLE = {**SAFETENSORS, **TORCH, **OTHER}


@pytest.mark.parametrize("case", WHOLE)
def test_bytes_that_are_no_weights(tmp_path, case):
    contents, sentence = WHOLE[case]
    file = tmp_path / "file"
    file.write_bytes(contents)
    with pytest.raises(UserError, match=sentence) as caught:
        read_tensors(file)
    assert str(file) in str(caught.value) and "\n" not in str(caught.value) and len(str(caught.value)) < 600


def external(file):
    (file.parent / "secret").write_bytes(ONE.tobytes())
    group = written(file)
    group.create_dataset("0", (2,), "f4", external=[(str(file.parent / "secret"), 0, 8)])


def linked(file):
    with h5py.File(file.parent / "other.h5", "w") as other:
        other["x"] = ONE
    written(file)["0"] = h5py.ExternalLink(str(file.parent / "other.h5"), "x")


def linked_group(file):
    with h5py.File(file.parent / "other.h5", "w") as other:
        other["dense/vars/0"] = ONE
    root = h5py.File(file, "w")
    root["layers"] = h5py.ExternalLink(str(file.parent / "other.h5"), "/")


def virtual(file):
    with h5py.File(file.parent / "other.h5", "w") as other:
        other["x"] = ONE
    layout = h5py.VirtualLayout((2,), "f4")
    layout[:] = h5py.VirtualSource(str(file.parent / "other.h5"), "x", (2,))
    written(file).create_virtual_dataset("0", layout)


def written(file):
    return h5py.File(file, "w").create_group("layers/dense/vars")


def of_a_list(file):
    root = h5py.File(file, "w")
    root.attrs["layer_names"] = [b"a", b"b"]
    root.create_group("a").attrs["weight_names"] = [b"absent:0"]


KERAS = {
    "an external storage": (external, "takes /layers/dense/vars/0 from other files"),
    "an external link": (linked, "takes layers/dense/vars/0 from other files"),
    "a linked group": (linked_group, "takes layers from other files"),
    "a virtual data set": (virtual, "takes /layers/dense/vars/0 from other files"),
    "a huge shape": (
        lambda file: written(file).create_dataset("0", (10**6, 10**6), "f4", chunks=(9, 9)),
        "declares",
    ),
    "a group for an array": (lambda file: written(file).create_group("0"), "is no array"),
    "numbers that miss one": (lambda file: written(file).create_dataset("1", data=ONE), "damaged or cut short"),
    "a link to nowhere": (lambda file: written(file).__setitem__("0", h5py.SoftLink("/x")), "damaged or cut short"),
    "a link to itself": (
        lambda file: written(file).__setitem__("0", h5py.SoftLink("/layers/dense/vars/0")),
        "damaged or cut short",
    ),
    "a group that holds itself": (
        lambda file: written(file).parent.__setitem__("layers", h5py.File(file, "a")["layers"]),
        "damaged or cut short .*recursion",
    ),
    "five weights": (
        lambda file: (
            [written(file)] and [h5py.File(file, "a").__setitem__(f"layers/dense/vars/{n}", ONE) for n in "01234"]
        ),
        "5 weights of unknown roles",
    ),
    "layers that are an array": (
        lambda file: h5py.File(file, "w").__setitem__("layers", ONE),
        "damaged or cut short",
    ),
    "names of weights that are not there": (of_a_list, "damaged or cut short"),
    "no layers": (lambda file: h5py.File(file, "w").__setitem__("a", ONE), "holds no Keras weights"),
    "no weights in its layers": (written, "no tensors in it"),
    "texts": (lambda file: written(file).create_dataset("0", data=b"abc"), "is of type"),
}


@pytest.mark.parametrize("case", KERAS)
def test_hdf5_that_is_no_weights(tmp_path, case):
    write, sentence = KERAS[case]
    file = tmp_path / "a.weights.h5"
    write(file)
    with pytest.raises(UserError, match=sentence) as caught:
        read_tensors(file)
    assert "\n" not in str(caught.value)


def test_a_keras_archive_that_is_a_bomb(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.weights.h5", bytes(2**26 + 4))
    with pytest.raises(UserError, match="unpacks from"):
        read_tensors(tmp_path / "a.keras")


def test_what_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.pth")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path, sentence in {
        tmp_path / "pipe.pth": "a pipe, a socket or a device",
        Path("/dev/zero"): "a pipe, a socket or a device",
        tmp_path: "Is a directory",
        tmp_path / "absent": "No such file",
        tmp_path / ("a" * 300): "name too long",
        tmp_path / "loop": "symbolic link",
        Path("a\0b"): "null byte|null character",
    }.items():
        with pytest.raises(UserError, match=f"cannot read the weights .*{sentence}"):
            read_tensors(path)


NET = ResNet(3, (1,), bottleneck=False, width=2, small_stem=True)


def own(folder, change=lambda described: described, **tensors):
    """A file of our own; its description is changed, and some of its tensors, by the last parts of their names."""
    abstract = traverse_util.flatten_dict(abstract_variables(NET, (8, 8, 1)))
    values = {
        path: tensors.get("_".join(path[1:]), np.ones(leaf.shape, np.float32)) for path, leaf in abstract.items()
    }
    config = Config(NET, ("a", "b", "c"), Preprocessing(8, 8, 8, (0.5,), (0.5,)))
    file = folder / "net.safetensors"
    save(file, traverse_util.unflatten_dict(values), config)
    described = json.loads(file.with_suffix(".json").read_text())
    changed = change(described)
    file.with_suffix(".json").write_text(changed if isinstance(changed, str) else json.dumps(changed))
    return file


def arguments(**changed):
    return lambda described: described | {"arguments": described["arguments"] | changed}


def preprocessing(**changed):
    return lambda described: described | {"preprocessing": described["preprocessing"] | changed}


OWN = {
    "10¹² classes": (arguments(classes=10**12), "3 names for 1000000000000 classes"),
    "10¹² classes without names": (
        lambda described: arguments(classes=10**12)(described) | {"classes": []},
        "0 names for 1000000000000 classes",
    ),
    "fewer names than classes": (lambda described: described | {"classes": ["a"]}, "1 names for 3 classes"),
    "negative classes": (arguments(classes=-3), "3 names for -3 classes"),
    "classes in words": (arguments(classes="three"), "3 names for three classes"),
    "an enormous width": (arguments(width=10**12), r"has the shape .* but this network wants \[1000000000000\]"),
    "no width": (arguments(width=0), "net.json describes no network|wants"),
    "a billion layers": (arguments(stages=[10**9]), "describes no network .* more than .* layers"),
    "layers in words": (arguments(stages="many"), "net.json describes no network"),
    "nested stages": (arguments(stages=[[1]]), "net.json describes no network"),
    "no stages": (arguments(stages=[]), "which this network does not have"),
    "an argument too many": (arguments(depth=3), "does not describe a network"),
    "a network that does not exist": (
        lambda described: described | {"network": "Net"},
        "does not describe a network",
    ),
    "no network": (lambda described: {}, "does not describe a network"),
    "a list": (lambda described: [], "does not describe a network"),
    "no JSON": (lambda described: "{", "does not describe a network"),
    "deep JSON": (lambda described: "[" * 100_000, "does not describe a network"),
    "enormous images": (preprocessing(height=10**9), "does not describe a network .*1000000000×8"),
    "no images": (preprocessing(width=0), "does not describe a network"),
    "images of half a pixel": (preprocessing(resize=0.5), "does not describe a network"),
    "a crop larger than the image": (preprocessing(resize=4), "larger than it"),
    "a standard deviation of 0": (preprocessing(std=[0.0]), "does not describe a network .*standard deviations"),
    "a mean that is no number": (preprocessing(mean=[float("nan")]), "does not describe a network .*means"),
    "two means": (preprocessing(mean=[0.5, 0.5]), "does not describe a network .*2 means"),
    "a mean in words": (preprocessing(mean=["half"]), "does not describe a network"),
    "an unknown interpolation": (preprocessing(interpolation="best"), "does not describe a network .*there are"),
}


@pytest.mark.parametrize("case", OWN)
def test_a_description_of_our_own_that_cannot_be(tmp_path, case):
    change, sentence = OWN[case]
    with pytest.raises(UserError, match=sentence) as caught:
        load(own(tmp_path, change))
    assert "\n" not in str(caught.value)


VALUES = {
    "NaN": (np.array([1, np.nan, 1], np.float32), "1 of the 3 values of params/fc/bias in .* are not finite"),
    "infinity": (np.array([np.inf] * 3, np.float32), "3 of the 3 values of params/fc/bias"),
    "too large for float32": (np.full(3, 1e200), "3 of the 3 values of params/fc/bias"),
    "whole numbers": (np.ones(3, np.int8), "params/fc/bias in .* is of type int8"),
    "truth": (np.ones(3, np.bool_), "params/fc/bias in .* is of type bool"),
    "another shape": (np.ones(4, np.float32), r"has the shape \[4\], but this network wants \[3\]"),
}


@pytest.mark.parametrize("case", VALUES)
def test_values_that_no_network_can_use(tmp_path, case):
    value, sentence = VALUES[case]
    with pytest.raises(UserError, match=sentence):
        load(own(tmp_path, fc_bias=value))


def test_a_whole_file_of_our_own_is_loaded(tmp_path):
    """What the cases above change was right before."""
    variables, config = load(own(tmp_path, fc_bias=np.full(3, 0.5, np.float16)))
    assert config.network == NET
    np.testing.assert_array_equal(variables["params"]["fc"]["bias"], np.full(3, 0.5, np.float32))
