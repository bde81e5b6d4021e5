"""Files that torch and Keras wrote are read without them; what is damaged, or asks for code, is refused."""

import pickle
import zipfile
from pathlib import Path

import h5py
import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from deeplearn.errors import UserError
from deeplearn.weights import read_tensors
from tests.weights.recipe import random_tensors

FILES = Path(__file__).parent.parent / "golden" / "weights_files"

VALUES = np.arange(12, dtype=np.float32).reshape(3, 4)
STATE = {
    "float": VALUES / np.float32(7),
    "half": VALUES.astype(np.float16),
    "bfloat16": VALUES.astype(ml_dtypes.bfloat16),
    "double": VALUES.astype(np.float64) / 7,
    "long": VALUES.astype(np.int64),
    "bool": VALUES > 5,
    "transposed": VALUES.T,
    "row": VALUES[1],
    "scalar": np.float32(3.5),
    "empty": np.zeros((0, 2), np.float32),
}


@pytest.mark.parametrize("name", ["plain.pth", "legacy.pth", "wrapped.pth"])
def test_torch_state_dicts(name):
    """The zip format, the one before, and a checkpoint of DataParallel with an epoch beside it."""
    tensors = read_tensors(FILES / name)
    assert set(tensors) - {"weight", "bias"} == set(STATE)
    for key, value in STATE.items():
        assert tensors[key].dtype == value.dtype
        np.testing.assert_array_equal(tensors[key], value)


@pytest.mark.parametrize("name", ["new.weights.h5", "whole.h5", "whole.keras"])
def test_keras_files(name):
    tensors = read_tensors(FILES / name)
    shapes = {
        "stem/kernel": (3, 3, 3, 2),
        "stem/bias": (2,),
        "stem_bn/beta": (2,),
        "stem_bn/moving_mean": (2,),
        "stem_bn/moving_variance": (2,),
        "depthwise/kernel": (3, 3, 2, 1),
        "depthwise/bias": (2,),
        "depthwise_bn/gamma": (2,),
        "depthwise_bn/beta": (2,),
        "depthwise_bn/moving_mean": (2,),
        "depthwise_bn/moving_variance": (2,),
        "predictions/kernel": (32, 2),
    }
    expected = random_tensors(shapes, keras=True)
    assert set(tensors) == set(expected)
    for key, value in expected.items():
        np.testing.assert_array_equal(tensors[key], value)


def test_keras_1_names_weights_otherwise(tmp_path):
    """VGG's files of 2016 call a kernel block1_conv1_W_1:0, and MobileNet's of Keras 2 one depthwise_kernel:0."""
    kernel, bias = np.ones((3, 3, 3, 2)), np.arange(2.0)
    names = {"one": ["one_W_1:0", "one_b_1:0"], "two": ["two/depthwise_kernel:0"], "none": []}
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file.attrs["layer_names"] = [layer.encode() for layer in names]
        for layer, weights in names.items():
            group = file.create_group(layer)
            group.attrs["weight_names"] = np.array([w.encode() for w in weights], "S40")
            for weight, value in zip(weights, (kernel, bias), strict=False):
                group[weight] = value
    tensors = read_tensors(tmp_path / "old.h5")
    assert set(tensors) == {"one/kernel", "one/bias", "two/kernel"}
    np.testing.assert_array_equal(tensors["one/bias"], bias)


def test_safetensors(tmp_path):
    save_file({"a": VALUES, "b": VALUES.astype(ml_dtypes.bfloat16)}, tmp_path / "x.bin")  # a name says nothing
    tensors = read_tensors(tmp_path / "x.bin")
    np.testing.assert_array_equal(tensors["a"], VALUES)
    np.testing.assert_array_equal(tensors["b"], VALUES.astype(ml_dtypes.bfloat16))


class Attack:
    """What a pickle does when it is unpickled."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return (Path.touch, (self.file,))


def torch_zip(path, content):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(content, protocol=2))


@pytest.mark.parametrize("legacy", [False, True])
def test_code_in_a_pickle_is_refused_before_it_runs(tmp_path, legacy):
    marker, file = tmp_path / "ran", tmp_path / "evil.pth"
    content = {"state_dict": {"weight": Attack(marker)}}
    if legacy:
        parts = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, content, []]
        file.write_bytes(b"".join(pickle.dumps(part, protocol=2) for part in parts))
    else:
        torch_zip(file, content)
    with pytest.raises(
        UserError, match=r"evil.pth asks for the code \S+, .*nothing was run: save model.state_dict"
    ):
        read_tensors(file)
    assert not marker.exists()
    pickle.loads(pickle.dumps(content))  # and it would have run
    assert marker.exists()


def test_a_pickle_cannot_change_what_it_may_call(tmp_path):
    """BUILD on the function that rebuilds tensors would set attributes on it, were there a place for any."""
    stream = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\nN}U\x08__call__K\x01s\x86b."
    with zipfile.ZipFile(tmp_path / "build.pth", "w") as archive:
        archive.writestr("archive/data.pkl", stream)
    with pytest.raises(UserError, match=r"damaged or cut short \(.*(read-only|no attribute)"):
        read_tensors(tmp_path / "build.pth")


def test_a_whole_module_is_refused():
    with pytest.raises(UserError, match=r"module.pth asks for the code torch.nn.modules.linear.Linear"):
        read_tensors(FILES / "module.pth")


@pytest.mark.parametrize("name", ["plain.pth", "legacy.pth", "whole.h5", "new.weights.h5", "whole.keras"])
@pytest.mark.parametrize("fraction", [0.4, 0.9])
def test_a_file_cut_short(tmp_path, name, fraction):
    whole = (FILES / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: int(fraction * len(whole))])
    with pytest.raises(UserError, match="damaged or cut short"):
        read_tensors(tmp_path / name)


def test_safetensors_cut_short(tmp_path):
    save_file({"a": VALUES}, tmp_path / "x.safetensors")
    whole = (tmp_path / "x.safetensors").read_bytes()
    (tmp_path / "x.safetensors").write_bytes(whole[:-1])
    with pytest.raises(UserError, match="a safetensors file that is damaged or cut short"):
        read_tensors(tmp_path / "x.safetensors")


def test_other_files_are_distinguished(tmp_path):
    np.savez(tmp_path / "x.npz", a=VALUES)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["a"] = VALUES
    (tmp_path / "x.txt").write_text("version https://git-lfs")
    torch_zip(tmp_path / "x.pth", {"epoch": 3})
    for name, sentence in {
        "x.npz": "a zip file, but none that torch.save wrote",
        "x.h5": "holds no Keras weights",
        "x.txt": "is not a file of weights",
        "x.pth": "holds no state dict",
        "absent.pth": r"cannot read the weights .*absent.pth \(No such file",
        "": r"cannot read the weights .* \(Is a directory",
    }.items():
        with pytest.raises(UserError, match=sentence):
            read_tensors(tmp_path / name)


def test_a_tensor_beyond_its_storage_is_refused(tmp_path):
    """Sizes and strides of a pickle are not believed: memory beyond the storage must not be read."""
    with zipfile.ZipFile(FILES / "plain.pth") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = next(name for name in members if name.endswith("data.pkl"))
    assert b"K\x03K\x04\x86" in members[name]  # the shape (3, 4)
    members[name] = members[name].replace(b"K\x03K\x04\x86", b"K\x7fK\x04\x86")
    with zipfile.ZipFile(tmp_path / "far.pth", "w") as archive:
        for member, value in members.items():
            archive.writestr(member, value)
    with pytest.raises(UserError, match="a tensor reaches beyond its storage"):
        read_tensors(tmp_path / "far.pth")
