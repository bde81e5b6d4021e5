"""The Inception network of FIDs against pytorch-fid's on the same weights, and the command that uses it."""

import json
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image

from deeplearn.command import exit_code
from deeplearn.metrics.distances import frechet
from deeplearn.models.inception_v3 import InceptionV3, fid_form
from deeplearn.weights import fid, inception
from deeplearn.weights.convert import convert
from deeplearn.weights.load import abstract_variables

from .recipe import random_images, random_tensors

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "inception_fid.npz")
IMAGES = jax.nn.sigmoid(random_images(20, count=3))


@pytest.mark.slow  # nearly a hundred convolutions are compiled
def test_features_and_logits_are_pytorch_fid_s():
    """Resizing, scaling and the three differences from torchvision's network included."""
    net = fid_form(InceptionV3(12, divide=4))
    tensors = random_tensors(json.loads(bytes(GOLDEN["shapes"])), False)
    variables = convert(net, abstract_variables(net, (299, 299, 3)), tensors, Path("golden"))
    features, logits = jax.jit(inception.pooled_and_logits, static_argnums=0)(net, variables, IMAGES)
    np.testing.assert_allclose(features, GOLDEN["features"], atol=1e-4 * np.abs(GOLDEN["features"]).max())
    np.testing.assert_allclose(logits, GOLDEN["logits"], atol=1e-4 * np.abs(GOLDEN["logits"]).max())


def test_images_are_resized_as_torch_does():
    found = np.asarray(inception.resized(IMAGES))[0, 100:110, 200:210].transpose(2, 0, 1)
    np.testing.assert_allclose(found, GOLDEN["resized"], atol=1e-5)


def test_the_distance_is_pytorch_fid_s():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(40, 6)), 0.5 * rng.normal(size=(30, 6)) + 0.3
    assert frechet(first, second) == pytest.approx(float(GOLDEN["distance"]), rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(("classes", "published"), [(1008, True), (1000, False)])
def test_the_network_of_published_fids_is_known_by_its_classes(classes, published, monkeypatch):
    net = InceptionV3(classes, auxiliary=False)
    flat = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(abstract_variables(net, (299, 299, 3))):
        *names, role = [entry.key for entry in path[1:] if entry.key != "BatchNorm_0"]
        role = {"kernel": "weight", "scale": "weight", "mean": "running_mean", "var": "running_var"}.get(role, role)
        shape = tuple(np.array(leaf.shape)[[3, 2, 0, 1]]) if leaf.ndim == 4 else leaf.shape[::-1]
        flat[".".join([*names, role])] = np.broadcast_to(np.float32(0), shape)
    monkeypatch.setattr(inception, "read_tensors", lambda path: flat)
    found = inception.read_inception(Path("file"))
    assert found.published == found.net.maximum_last == published
    assert found.net.count_include_pad is not published


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Grey pictures in one, coloured ones of another size in the other; the network's features are mean colours."""
    rng = np.random.default_rng(0)
    for name, shape, count in (("made", (4, 4), 7), ("real/deeper", (6, 5, 3), 9)):
        (tmp_path / name).mkdir(parents=True)
        for number in range(count):
            pixels = rng.integers(256, size=shape, dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.png")

    def network(images):
        mean = np.stack([np.broadcast_to(x, (*x.shape[:2], 3)).mean((0, 1)) for x in images])
        return mean, mean / mean.sum(1, keepdims=True)

    network.published = False
    monkeypatch.setattr(fid, "read_inception", lambda path: network)
    return tmp_path


def test_the_command(folders, capsys):
    flags = ["--weights=x", f"--images={folders}/made", f"--reference={folders}/real"]
    assert exit_code(fid.main, flags) == 0
    first, second, third, counts = capsys.readouterr().out.splitlines()
    sets = [
        np.stack([np.asarray(Image.open(f).convert("RGB")) for f in sorted((folders / name).rglob("*.png"))]) / 255
        for name in ("real", "made")
    ]
    wanted = frechet(*(x.mean((1, 2)) for x in sets))
    assert first.startswith(f"FID {wanted:.4f} (not the network") and second.startswith("KID ")
    assert third.endswith("made: 1.000")  # each grey picture looks the same
    assert counts == f"7 pictures of {folders}/made, 9 of {folders}/real"


@pytest.mark.parametrize(
    ("flag", "sentence"),
    [("--count=2", "has 2 pictures: distances need 3"), ("--count=-1", "--count should be at least 1")],
)
def test_what_cannot_be_measured_is_one_sentence(folders, capsys, flag, sentence):
    flags = ["--weights=x", f"--images={folders}/made", f"--reference={folders}/real", flag]
    assert exit_code(fid.main, flags) == 2
    assert sentence in capsys.readouterr().err


def test_blocks_hold_pictures_of_one_shape():
    shapes = [(2, 2, 1)] * 18 + [(3, 2, 1)] * 2 + [(2, 2, 1)]
    blocks = list(inception._blocks(np.full(shape, number) for number, shape in enumerate(shapes)))
    assert [block.shape[:3] for block in blocks] == [(16, 2, 2), (2, 2, 2), (2, 3, 2), (1, 2, 2)]
    assert [int(image.flat[0]) for block in blocks for image in block] == list(range(21))
