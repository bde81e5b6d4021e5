"""The command that classifies a picture, and how pictures are prepared."""

import json
from types import SimpleNamespace

import flax.linen as nn
import jax
import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

from deeplearn import runs
from deeplearn.command import exit_code
from deeplearn.errors import UserError
from deeplearn.models.resnet import ResNet
from deeplearn.train.loop import run
from deeplearn.train.trained import Trained
from deeplearn.weights import Config, Preprocessing, save
from deeplearn.weights.classify import classify, main
from deeplearn.weights.load import abstract_variables
from deeplearn.weights.preprocessing import HALF, of_library
from deeplearn.weights.timm_config import of_file
from experiments.foundations import mlp

RNG = np.random.default_rng(0)
NET = ResNet(7, (1,), bottleneck=False, width=4, small_stem=True)
COLOUR = Preprocessing(8, 8, 8, (0.5, 0.4, 0.3), (0.2, 0.3, 0.4))


def test_pixels_are_cropped_and_normalised():
    """No resizing is needed here, so that each pixel is known: 12 × 6 to the central 4 × 4."""
    pixels = RNG.integers(256, size=(6, 12, 3), dtype=np.uint8)
    prepared = Preprocessing(4, 4, 6, (0.1, 0.2, 0.3), (0.5, 0.6, 0.7), blue_first=True)(Image.fromarray(pixels))
    assert prepared.shape == (4, 4, 3) and prepared.dtype == np.float32
    for row, column, channel in np.ndindex(4, 4, 3):
        x = pixels[row + 1, column + 4, 2 - channel] / 255
        want = (x - (0.1, 0.2, 0.3)[channel]) / (0.5, 0.6, 0.7)[channel]
        assert prepared[row, column, channel] == pytest.approx(want, abs=1e-6)


def test_the_shorter_side_is_resized():
    """A ramp from left to right stays one: 40 × 20 to 20 × 10, the central 10 columns of 20."""
    ramp = np.tile(np.arange(40, dtype=np.uint8) * 6, (20, 1))
    prepared = Preprocessing(10, 10, 10, (0.0,), (1 / 255,))(Image.fromarray(ramp))
    np.testing.assert_allclose(prepared[..., 0], np.tile((2 * np.arange(5, 15) + 0.5) * 6, (10, 1)), atol=1.01)


def test_each_librarys_statistics():
    """Black and white through Keras's preprocess_input of mode caffe and tf, and torchvision's of ResNet."""
    for library, network, black, white in [
        ("Keras", "ResNet", (-103.939, -116.779, -123.68), (151.061, 138.221, 131.32)),
        ("Keras", "MobileNetV2", (-1, -1, -1), (1, 1, 1)),
        ("Keras", "DenseNet", (-2.1179, -2.0357, -1.8044), (2.2489, 2.4286, 2.64)),
        ("torchvision", "ResNet", (-2.1179, -2.0357, -1.8044), (2.2489, 2.4286, 2.64)),
        # torchvision: (x − mean)/std, then · std/.5 + (mean − .5)/.5 in the network.
        ("torchvision", "InceptionV3", (-1, -1, -1), (1, 1, 1)),
    ]:
        prepare = of_library(library, network, 8)
        for level, want in ((0, black), (255, white)):
            pixels = np.full((9, 9, 3), level, np.uint8)
            np.testing.assert_allclose(prepare(Image.fromarray(pixels))[4, 4], want, rtol=1e-4)
    assert of_library("timm", "ResNet", 224).interpolation == "bicubic"
    assert of_library("torchvision", "ResNet", 224).resize == 256
    assert of_library("torchvision", "InceptionV3", 299).resize == 342
    assert of_library("timm", "MobileNet", 224).mean == HALF[0]


def test_a_camera_held_upright(tmp_path):
    """EXIF orientation 6: what was stored on the left is on top."""
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:, :4] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "photo.jpg", quality=100, exif=exif)
    prepared = Preprocessing(8, 8, 8, (0.0,), (1.0,)).read(tmp_path / "photo.jpg")[..., 0]
    assert prepared[:3].min() > 0.9 and prepared[5:].max() < 0.1


@pytest.fixture
def saved(tmp_path):
    """A file of ours, and a photograph of the size of its images."""
    abstract = abstract_variables(NET, (8, 8, 3))
    variables = {
        "params": jax.tree.map(lambda x: RNG.normal(0, 0.3, x.shape).astype(np.float32), abstract["params"]),
        "batch_stats": jax.tree.map(
            lambda x: RNG.uniform(0.5, 1.5, x.shape).astype(np.float32), abstract["batch_stats"]
        ),
    }
    classes = tuple(f"kind {letter}" for letter in "abcdefg")
    save(tmp_path / "net.safetensors", variables, Config(NET, classes, COLOUR))
    photo = RNG.integers(256, size=(8, 8, 3), dtype=np.uint8)
    Image.fromarray(photo).save(tmp_path / "photo.png")
    logits = NET.apply(variables, ((photo / 255 - COLOUR.mean) / COLOUR.std).astype(np.float32)[None])[0]
    return tmp_path, classes, np.exp(logits) / np.exp(logits).sum()


def command(*arguments):
    return exit_code(main, [str(argument) for argument in arguments])


def printed(capsys):
    head, *lines = capsys.readouterr().out.splitlines()
    return head, [
        (name, float(percent.rstrip("%")) / 100) for percent, name in (line.split(maxsplit=1) for line in lines)
    ]


def test_the_top_five_of_our_own_file(saved, capsys):
    folder, classes, probabilities = saved
    assert command(f"--weights={folder}/net.safetensors", f"--image={folder}/photo.png") == 0
    head, rows = printed(capsys)
    assert "shorter side to 8 pixels (bilinear), central 8×8, red, green, blue in [0, 1], minus (0.5, 0.4" in head
    best = np.argsort(-probabilities)[:5]
    assert [name for name, _ in rows] == [classes[index] for index in best]
    np.testing.assert_allclose([p for _, p in rows], probabilities[best], atol=1e-4)


def test_how_a_picture_is_prepared_may_be_said(saved, capsys):
    """As for torchvision's second weights: a larger resize before the same crop."""
    folder, _, _ = saved
    arguments = [f"--weights={folder}/net.safetensors", f"--image={folder}/photo.png"]
    assert command(*arguments, "--resize=12", "--interpolation=bicubic") == 0
    assert "shorter side to 12 pixels (bicubic), central 8×8" in capsys.readouterr().out
    assert command(*arguments, "--resize=12", "--crop=10") == 0
    assert "shorter side to 12 pixels (bilinear), central 10×10" in capsys.readouterr().out
    for flags, sentence in {
        ("--crop=10",): "a crop of 10×10 from 8 pixels a side is larger than it",
        ("--resize=0",): "no image can be prepared so",
        ("--resize=1000000",): "no image can be prepared so",
        ("--interpolation=best",): "invalid choice: 'best'",
        ("--resize=a",): "invalid int value",
    }.items():
        assert command(*arguments, *flags) == 2
        captured = capsys.readouterr()
        assert captured.out == "" and captured.err.count("\n") == 1 and sentence in captured.err


def test_timm_s_own_configuration_is_used(tmp_path):
    """config.json as on the Hugging Face Hub, old and new; metadata of safetensors; for torch's names only."""
    cfg = {
        "crop_pct": 0.95,
        "interpolation": "bicubic",
        "input_size": [3, 288, 288],
        "mean": [0.5] * 3,
        "std": [0.5] * 3,
    }
    file = tmp_path / "model.safetensors"
    want = Preprocessing(288, 288, 303, HALF[0], HALF[1], interpolation="bicubic")
    save_file({"a": np.ones(1)}, file)
    for config in ({"architecture": "resnet50", "pretrained_cfg": cfg}, {"architecture": "resnet50", **cfg}):
        (tmp_path / "config.json").write_text(json.dumps(config))
        assert of_file(file, "torchvision", "ResNet", 224) == want
        assert of_file(file, "Keras", "ResNet", 224) == of_library("Keras", "ResNet", 224)
    for odd, sentence in {
        "crop_pct": 0,
        "interpolation": "best",
        "input_size": [224],
        "crop_mode": "squash",
        "mean": [0.5],
        "std": "half",
    }.items():
        (tmp_path / "config.json").write_text(json.dumps({"pretrained_cfg": {**cfg, odd: sentence}}))
        with pytest.raises(UserError, match=r"config.json does not say how images are prepared"):
            of_file(file, "torchvision", "ResNet", 224)
    for other in ("{", "[1]", json.dumps({"hidden": 3}), json.dumps({"pretrained_cfg": 3})):
        (tmp_path / "config.json").write_text(other)
        assert of_file(file, "torchvision", "ResNet", 224) == of_library("torchvision", "ResNet", 224)
    save_file({"a": np.ones(1)}, file, {"pretrained_cfg": json.dumps(cfg)})
    assert of_file(file, "torchvision", "ResNet", 224) == want


def test_names_of_classes_from_a_file(saved, capsys):
    folder, _, probabilities = saved
    (folder / "names.txt").write_text("one\ntwo\nthree\nfour\nfive\nsix\nseven\n")
    arguments = [f"--weights={folder}/net.safetensors", f"--image={folder}/photo.png"]
    assert command(*arguments, f"--classes={folder}/names.txt") == 0
    names = ["one", "two", "three", "four", "five", "six", "seven"]
    assert printed(capsys)[1][0][0] == names[int(np.argmax(probabilities))]


def test_a_run_directory_classifies(finished_run, tmp_path, capsys):
    """The perceptron of the first replica, by hand."""
    directory, (weights, _) = finished_run
    pixels = RNG.integers(256, size=(8, 8), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "digit.png")
    assert command(f"--weights={directory}", f"--image={tmp_path}/digit.png") == 0
    head, rows = printed(capsys)
    assert "central 8×8, grey" in head
    x = pixels.reshape(-1) / 255
    hidden = np.maximum(x @ weights["Dense_0"]["kernel"] + weights["Dense_0"]["bias"], 0)
    logits = hidden @ weights["Dense_1"]["kernel"] + weights["Dense_1"]["bias"]
    probabilities = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose([p for _, p in rows], np.sort(probabilities)[::-1][:5], atol=1e-4)
    assert rows[0][0] == str(np.argmax(probabilities))


def test_mistakes_end_in_one_sentence(saved, capsys):
    folder, _, _ = saved
    weights, photo = f"--weights={folder}/net.safetensors", f"--image={folder}/photo.png"
    (folder / "short.txt").write_text("one\n")
    (folder / "text.jpg").write_text("no picture")
    save_file({"fc.weight": np.zeros((2, 2), np.float32)}, folder / "other.safetensors")
    for arguments, sentence in {
        (): "the following arguments are required: --weights, --image",
        (weights, photo, "--clases=x"): "unrecognized arguments: --clases=x",
        (weights, f"--image={folder}/absent.jpg"): "there is no image",
        (weights, f"--image={folder}/text.jpg"): "cannot be read as an image",
        (weights, photo, f"--classes={folder}/short.txt"): "has 1 lines, but the network has 7 classes",
        (weights, photo, f"--classes={folder}/absent.txt"): "cannot read --classes=",
        (f"--weights={folder}/absent.pth", photo): "cannot read the weights",
        (f"--weights={folder}", photo): "is not a run directory",
        (f"--weights={folder}/other.safetensors", photo): "name it, as in --model=resnet50",
        (f"--weights={folder}/other.safetensors", photo, "--model=resnet5"): "did you mean resnet50?",
        (f"--weights={folder}/other.safetensors", photo, "--model=resnet18"): "has no last layer",
    }.items():
        assert command(*arguments) == 2
        captured = capsys.readouterr()
        assert captured.out == "" and captured.err.startswith("error: ") and captured.err.count("\n") == 1
        assert sentence in captured.err


def test_a_configuration_says_how_images_are_prepared(saved):
    folder, _, _ = saved
    assert json.loads((folder / "net.json").read_text())["preprocessing"]["std"] == [0.2, 0.3, 0.4]


def test_a_run_s_classes_are_those_it_was_trained_with(tmp_path, capsys):
    """A folder of a class that is renamed, and all of them moved away, change nothing."""
    folder = tmp_path / "mine"
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
        for number in range(20):
            pixels = RNG.integers(256, size=(4, 4), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    directory = tmp_path / "run"
    config = mlp.Config(steps=2, hidden=(3,), batch_size=4, dataset=f"folder:{folder}", workdir=str(directory))
    run("foundations.mlp", mlp.build, config, {"module": mlp.__name__})
    arguments = [f"--weights={directory}", f"--image={tmp_path}/photo.png"]
    capsys.readouterr()
    assert command(*arguments) == 0
    before = capsys.readouterr()
    assert before.err == "" and "cat" in before.out and "dog" in before.out
    for change in ((folder / "cat", folder / "zebra"), (folder, tmp_path / "away")):
        change[0].rename(change[1])
        assert command(*arguments) == 0
        assert capsys.readouterr() == before


class OfBatches(nn.Module):
    def __call__(self, batch):
        return batch["image"]


class OfOneScore(nn.Module):
    def __call__(self, image):
        return image.mean((1, 2))


class OfNothing(nn.Module):
    def encode(self, image):
        return image


@pytest.mark.parametrize(
    "model, sentence",
    [
        (OfBatches(), "one score per class: JAX"),
        (OfOneScore(), r"2 classes, and the output is .*\(1, 1\)"),
        (OfNothing(), "it is several networks, or has no one output"),
    ],
)
def test_a_run_that_does_not_classify_says_why(model, sentence, tmp_path, monkeypatch):
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "photo.png")
    opened = SimpleNamespace(
        described=SimpleNamespace(train=SimpleNamespace(spec={"image": None})),
        classes=("a", "b"),
        image_shape=(4, 4, 1),
        model=model,
        trained=Trained(model, {}, jax.random.key(0)),
    )
    monkeypatch.setattr(runs, "open", lambda _: opened)
    with pytest.raises(UserError, match=f"the model of .* does not map an image to .*{sentence}"):
        classify(tmp_path, tmp_path / "photo.png")
