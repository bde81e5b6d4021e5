"""Files by path: our own there and back, another library's for a network of the zoo, and a part of a larger one."""

import re
import shutil

import flax.linen as nn
import jax
import numpy as np
import pytest
from safetensors.numpy import save_file

from deeplearn.errors import UserError
from deeplearn.models.mlp import MLP
from deeplearn.models.resnet import ResNet, resnet18
from deeplearn.models.zoo import ZOO
from deeplearn.runs import checkpoint
from deeplearn.weights import Config, Preprocessing, load, load_into, members, probabilities, save
from deeplearn.weights.load import abstract_variables
from deeplearn.weights.saved import read_config
from tests.weights.recipe import random_images

GREY = Preprocessing(16, 16, 16, (0.5,), (0.25,))
NET = ResNet(3, (1, 1), bottleneck=False, width=4, small_stem=True)


def random_variables(net, shape=(16, 16, 3), seed=0):
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda x: rng.uniform(0.5, 1.5, x.shape).astype(np.float32), abstract_variables(net, shape))


def assert_equal(a, b):
    assert jax.tree.structure(a) == jax.tree.structure(b)
    jax.tree.map(np.testing.assert_array_equal, a, b)


def torch_tensors(variables):
    """The variables of a ResNet as torchvision would write them, by hand and the other way round."""
    roles = {"mean": "running_mean", "var": "running_var", "kernel": "weight", "scale": "weight"}
    orders = {4: (3, 2, 0, 1), 2: (1, 0), 1: (0,)}
    tensors = {}
    for tree in variables.values():
        for path, value in jax.tree_util.tree_leaves_with_path(tree):
            *layer, role = (str(part.key) for part in path)
            layer = ".".join(re.sub(r"_(\d)$", r".\1", part) for part in layer if part != "BatchNorm_0")
            tensors[f"{layer}.{roles.get(role, role)}"] = np.ascontiguousarray(value.transpose(orders[value.ndim]))
    return tensors


def test_saved_and_loaded(tmp_path):
    variables = random_variables(NET, (16, 16, 1))
    file = tmp_path / "new" / "net.safetensors"
    save(file, variables, Config(NET, ("a", "b", "c"), GREY))
    loaded, config = load(file)
    assert_equal(loaded, variables)
    assert (config.network, config.classes, config.preprocessing) == (NET, ("a", "b", "c"), GREY)
    image = random_images(16)[..., :1]
    want = jax.nn.softmax(NET.apply(variables, image))
    np.testing.assert_allclose(probabilities(loaded, config, image), want, rtol=1e-5)


@pytest.mark.parametrize("name", ZOO)
def test_every_network_of_the_zoo_has_a_configuration(name, tmp_path):
    """The constructor's arguments survive JSON: tuples within tuples, "SAME" or a number."""
    small = ZOO[name].small(5)
    save(tmp_path / "x.safetensors", {"params": {"a": np.zeros(1)}}, Config(small, tuple("abcde"), GREY))
    assert read_config(tmp_path / "x.safetensors").network == small


def test_a_file_of_an_earlier_version_calls_the_std_deviation(tmp_path):
    file = tmp_path / "net.safetensors"
    save(file, random_variables(NET, (16, 16, 1)), Config(NET, ("a", "b", "c"), GREY))
    described = file.with_suffix(".json").read_text()
    assert '"std": [' in described
    file.with_suffix(".json").write_text(described.replace('"std": [', '"deviation": ['))
    assert read_config(file).preprocessing == GREY


def test_what_cannot_be_saved_or_loaded_is_reported(tmp_path):
    config = Config(NET, tuple("abc"), GREY)
    variables = random_variables(NET, (16, 16, 1))
    with pytest.raises(UserError, match=r"call the file .*net.safetensors"):
        save(tmp_path / "net.pth", variables, config)
    with pytest.raises(UserError, match="a MLP cannot be saved"):
        save(tmp_path / "net.safetensors", variables, Config(MLP((3,), 2), ("a", "b"), GREY))
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        save(tmp_path / "file" / "net.safetensors", variables, config)
    file = tmp_path / "net.safetensors"
    save(file, variables, config)
    described = file.with_suffix(".json").read_text()
    for text, sentence in {
        described.replace('"ResNet"', '"Resnet"'): r"net.json does not describe a network .*KeyError\('Resnet'\)",
        described.replace('"width": 4', '"wide": 4'): "does not describe a network .*wide",
        described.replace('"width": 4', '"width": 8'): r"params/bn1/BatchNorm_0/bias in .* \[4\], .* wants \[8\]",
        described[:-20]: "does not describe a network",
        described.replace("1,\n      1", "1,\n      2"): "lacks params/layer2_1/bn1",
    }.items():
        assert text != described
        file.with_suffix(".json").write_text(text)
        with pytest.raises(UserError, match=sentence):
            load(file)
    file.with_suffix(".json").unlink()
    with pytest.raises(UserError, match=r"needs the configuration .*net.json beside it"):
        load(file)


def test_another_librarys_file_for_a_network_of_the_zoo(tmp_path, monkeypatch):
    """ResNet-18 of torchvision, seven classes found in the file."""
    few = {name: ZOO[name] for name in ("alexnet", "vgg16", "resnet18", "resnet34")}
    monkeypatch.setattr(members, "ZOO", few)  # each that is tried takes a second
    net = resnet18(7)
    variables = random_variables(net, (224, 224, 3))
    tensors = torch_tensors(variables)
    save_file(tensors, tmp_path / "resnet18.safetensors")
    loaded, config = load(tmp_path / "resnet18.safetensors", "resnet18")
    assert_equal(loaded, variables)
    assert config.network == net
    assert config.classes[6] == "class 6"
    assert (config.preprocessing.height, config.preprocessing.resize) == (224, 256)
    for model, sentence in {
        "": r"does not say what network it is for: .*it fits resnet18",
        "resnet19": "did you mean .*; it fits resnet18",
        "resnet34": r"lacks layer1.2.bn1.bias.*; it fits resnet18",
        "vgg16": "holds no VGG as .*; it fits resnet18",
    }.items():
        with pytest.raises(UserError, match=sentence):
            load(tmp_path / "resnet18.safetensors", model)
    odd = tensors | {"layer1.0.conv9.weight": np.ones(1)}
    save_file(odd, tmp_path / "odd.safetensors")
    with pytest.raises(UserError, match=r"layer1.0.conv9.weight; no network of deeplearn.models.zoo fits it"):
        load(tmp_path / "odd.safetensors", "resnet18")
    no_head = {name: x for name, x in tensors.items() if not name.startswith("fc.")}
    save_file(no_head, tmp_path / "features.safetensors")
    with pytest.raises(UserError, match=r"has no last layer \(fc.bias\)[^;]*$"):
        load(tmp_path / "features.safetensors", "resnet18")


class Transfer(nn.Module):
    """A network with a backbone and a head of its own."""

    backbone: ResNet

    def setup(self):
        self.head = nn.Dense(2)

    def __call__(self, x):
        return self.head(self.backbone(x))


@pytest.fixture
def transfer():
    """(Variables of a larger network, its backbone, which has no last layer)."""
    backbone = NET.clone(classes=0)
    variables = random_variables(Transfer(backbone), seed=1)
    return variables, backbone


def test_another_librarys_file_into_a_part(tmp_path, transfer):
    variables, backbone = transfer
    source = random_variables(NET)
    save_file(torch_tensors(source), tmp_path / "theirs.safetensors")
    loaded = load_into(variables, tmp_path / "theirs.safetensors", backbone, "backbone")
    assert_equal(loaded["params"]["backbone"] | {"fc": source["params"]["fc"]}, source["params"])
    assert_equal(loaded["batch_stats"]["backbone"], source["batch_stats"])
    assert_equal(loaded["params"]["head"], variables["params"]["head"])
    assert jax.tree.structure(loaded) == jax.tree.structure(variables)


def test_our_own_file_into_a_part(tmp_path, transfer):
    variables, backbone = transfer
    source = random_variables(NET)
    save(tmp_path / "ours.safetensors", source, Config(NET, tuple("abc"), GREY))
    loaded = load_into(variables, tmp_path / "ours.safetensors", backbone, "backbone")
    assert_equal(loaded["params"]["backbone"] | {"fc": source["params"]["fc"]}, source["params"])
    assert_equal(loaded["params"]["head"], variables["params"]["head"])
    with pytest.raises(UserError, match=r"no network 'back' to load .*: there are backbone, head"):
        load_into(variables, tmp_path / "ours.safetensors", backbone, "back")
    wider = backbone.clone(width=8)
    with pytest.raises(UserError, match=r"has the shape \[4\], but this network wants \[8\]"):
        load_into(random_variables(Transfer(wider)), tmp_path / "ours.safetensors", wider, "backbone")


def test_a_part_of_a_part_is_named_by_its_path(tmp_path, transfer):
    variables, backbone = transfer
    source = random_variables(NET)
    save(tmp_path / "ours.safetensors", source, Config(NET, tuple("abc"), GREY))
    deeper = {name: {"source": tree} for name, tree in variables.items()}
    loaded = load_into(deeper, tmp_path / "ours.safetensors", backbone, "source/backbone")
    flat = load_into(variables, tmp_path / "ours.safetensors", backbone, "backbone")
    assert_equal({name: tree["source"] for name, tree in loaded.items()}, flat)
    assert not np.array_equal(
        loaded["params"]["source"]["backbone"]["conv1"]["kernel"],
        variables["params"]["backbone"]["conv1"]["kernel"],
    )


class Classified(nn.Module):
    """A larger network with a part of the same shape as the MLP experiment's, under another name."""

    def setup(self):
        self.copied = MLP((5,), 10)
        self.head = nn.Dense(2)

    def __call__(self, x):
        return self.head(self.copied(x))


def test_a_run_into_a_part(tmp_path, finished_run):
    """Averaged weights of the replica asked for, those that the experiment was evaluated with."""
    directory, seen = finished_run
    variables = random_variables(Classified(), (8, 8, 1))
    for replica, source in enumerate(seen):
        loaded = load_into(variables, directory, MLP((5,), 10), "copied", of="", replica=replica)
        assert_equal(loaded["params"]["copied"], source)
        assert_equal(loaded["params"]["head"], variables["params"]["head"])
    assert replica == 1
    for call, sentence in {
        lambda: load_into(variables, directory, MLP((5,), 10), "copied"): "has no network .copied.: it has Dense_0",
        lambda: checkpoint.read(directory, 2): r"has 2 replica\(s\): there is no replica 2",
        lambda: checkpoint.read(tmp_path): "is not a run directory",
    }.items():
        with pytest.raises(UserError, match=sentence):
            call()
    shutil.copytree(directory, tmp_path / "run")
    for arrays in (tmp_path / "run" / "checkpoints").rglob("d/*"):  # several files: where weights lie varies
        content = np.frombuffer(arrays.read_bytes(), np.uint8)
        arrays.write_bytes((content ^ 1).tobytes())
    with pytest.raises(UserError, match=r"no checkpoint of .* is whole: 3 is damaged"):
        checkpoint.read(tmp_path / "run")
