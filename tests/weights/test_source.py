"""What transfer starts from: the network in its library's form, and how its images are prepared."""

import json

import jax
import numpy as np
import pytest
from safetensors.numpy import save_file

from deeplearn.errors import UserError
from deeplearn.models import resnet
from deeplearn.models.cnn import CNN
from deeplearn.models.embedder import Embedder
from deeplearn.models.transfer import FewLabelLearners, Transfer
from deeplearn.models.zoo import ZOO, Member
from deeplearn.train.experiment import Experiment
from deeplearn.train.rivals import Rival, side_by_side
from deeplearn.weights import Config, Preprocessing, load_into, save
from deeplearn.weights.source import _networks, source
from tests.weights.keras_files import keras_3_5
from tests.weights.test_convert import case

WHITE, GREY = np.ones((1, 2, 2, 1), np.float32), np.full((1, 2, 2, 1), 0.5, np.float32)


def zeros(abstract):
    return jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), abstract)


def prepared(found, images):
    return FewLabelLearners(found.net, 2, (1,), 1, found.colours, found.blue_first).prepare(images)


@pytest.fixture
def narrow(monkeypatch):
    """resnet50 as the golden files have it."""
    for library, net in (("torchvision", case("resnet torchvision")[0]), ("Keras", case("resnet Keras")[0])):
        monkeypatch.setitem(
            ZOO, f"narrow_{library}", Member(lambda n, net=net: net.clone(classes=n, conv_bias=False), None, 64)
        )


def test_weights_of_keras_start_in_its_form_and_see_its_colours(narrow, tmp_path):
    """A narrow ResNet as Keras 3.5 saves it: biases, another ε and stride; blue first, 0 to 255 minus the means."""
    net, abstract, tensors, _, _ = case("resnet Keras")
    file = keras_3_5(tmp_path / "resnet.weights.h5", tensors)
    found = source(file, "narrow_Keras")
    assert found.net == net.clone(classes=0) == resnet.keras_form(found.net)
    abstract = {name: {key: tree for key, tree in trees.items() if key != "fc"} for name, trees in abstract.items()}
    variables = {name: {"source": {"body": zeros(trees)}} for name, trees in abstract.items()}
    body = load_into(variables, file, found.net, "source/body", of=found.of)["params"]["source"]["body"]
    np.testing.assert_array_equal(body["conv1"]["kernel"], tensors["conv1_conv/kernel"])
    np.testing.assert_array_equal(body["layer2_0"]["downsample_0"]["bias"], tensors["conv3_block1_0_conv/bias"])
    np.testing.assert_allclose(prepared(found, WHITE)[0, 0, 0], (151.061, 138.221, 131.32), rtol=1e-5)
    red = np.tile(np.array([1, 0, 0], np.float32), (1, 2, 2, 1))
    np.testing.assert_allclose(prepared(found, red)[0, 0, 0], (-103.939, -116.779, 131.32), rtol=1e-5)


def test_weights_of_torch_see_what_timm_s_configuration_says(narrow, tmp_path):
    _, _, tensors, _, _ = case("resnet torchvision")
    save_file(tensors, tmp_path / "model.safetensors")
    usual = source(tmp_path / "model.safetensors", "narrow_torchvision")
    np.testing.assert_allclose(prepared(usual, WHITE)[0, 0, 0], (2.2489, 2.4286, 2.64), rtol=1e-4)
    config = {"pretrained_cfg": {"crop_pct": 0.95, "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.5, 1.0]}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    found = source(tmp_path / "model.safetensors", "narrow_torchvision")
    np.testing.assert_allclose(prepared(found, WHITE)[0, 0, 0], (2, 1, 0.5), rtol=1e-6)


def test_our_own_file_says_both(tmp_path):
    net = resnet.ResNet(2, (1,), bottleneck=False, width=2, small_stem=True)
    tensors = {"params": {"fc": {"bias": np.zeros(2, np.float32)}}}
    config = Config(net, ("a", "b"), Preprocessing(8, 8, 8, (0.25,), (0.5,)))
    save(tmp_path / "net.safetensors", tensors, config)
    found = source(tmp_path / "net.safetensors", "no matter")
    assert found.net == net.clone(classes=0)
    np.testing.assert_allclose(prepared(found, GREY)[0, 0, 0], (0.5,))
    assert found.picture == Preprocessing(8, 8, 8, (0.0,), (1.0,))  # colours come after


def test_networks_are_found_in_what_an_experiment_trains():
    net = resnet.ResNet(3, (1,), bottleneck=False, width=2)
    learner = Transfer(net.clone(classes=0), 2, (1,), 1, ((0.0,), (2.0,)), source_classes=1)
    experiment = side_by_side({"ours": Rival(learner, []), "plain": Rival(net, [])}, data=None)
    assert isinstance(experiment, Experiment)
    first, second = _networks(experiment.model)
    assert (first.of, first.colours) == ("ours/source/body", ((0.0,), (2.0,)))
    assert (second.of, second.net.classes) == ("plain", 0)
    assert [one.of for one in _networks(net)] == [""]
    (of_pictures,) = _networks(Embedder(net.clone(classes=0), 5, ((0.5,), (1.0,)), blue_first=True))
    assert (of_pictures.of, of_pictures.colours, of_pictures.blue_first) == ("body", ((0.5,), (1.0,)), True)
    assert [(one.of, one.net.classes) for one in _networks(CNN(3, (2,)))] == [("", 0)]


def test_a_run_without_such_a_network_is_a_sentence(finished_run):
    directory, _ = finished_run
    with pytest.raises(UserError, match=r"foundations.mlp has no network to start from: .* AlexNet, VGG"):
        source(directory, "")
