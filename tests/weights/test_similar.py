"""The command that finds the pictures of a folder most like a given one."""

import dataclasses

import jax
import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

from deeplearn import data
from deeplearn.command import exit_code
from deeplearn.measured import ours
from deeplearn.models.cnn import CNN
from deeplearn.models.embedder import Embedder
from deeplearn.models.resnet import ResNet
from deeplearn.models.zoo import ZOO, Member, backbone
from deeplearn.runs import checkpoint
from deeplearn.train.experiment import nothing
from deeplearn.train.loop import run
from deeplearn.weights import Config, Preprocessing, save
from deeplearn.weights.load import load
from deeplearn.weights.members import abstract_variables
from deeplearn.weights.similar import encoder, main
from experiments.convolution import cnn
from experiments.representations import image_embeddings
from tests.experiments.pretend import pretend
from tests.weights.test_convert import case

RNG = np.random.default_rng(0)
NET = ResNet(3, (1,), bottleneck=False, width=4, small_stem=True)
COLOUR = Preprocessing(8, 8, 8, (0.5, 0.4, 0.3), (0.2, 0.3, 0.4))


def randomised(abstract):
    return {
        "params": jax.tree.map(lambda x: RNG.normal(0, 0.3, x.shape).astype(np.float32), abstract["params"]),
        "batch_stats": jax.tree.map(
            lambda x: RNG.uniform(0.5, 1.5, x.shape).astype(np.float32), abstract["batch_stats"]
        ),
    }


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """(A file of weights of ours, its variables)."""
    file = tmp_path_factory.mktemp("weights") / "net.safetensors"
    variables = randomised(abstract_variables(NET, (8, 8, 3)))
    save(file, variables, Config(NET, ("a", "b", "c"), COLOUR))
    return file, variables


@pytest.fixture
def pictures(tmp_path):
    """A folder of pictures of 8×8 at some depth, {name: pixels}; one is the query again, one is broken."""
    folder = tmp_path / "pictures"
    pixels = {
        f"{place}/{number}.png": RNG.integers(256, size=(8, 8, 3)) for number, place in enumerate("ab/c" * 10)
    }
    pixels = {name.replace("//", "/x/"): each.astype(np.uint8) for name, each in pixels.items()}
    for name, each in pixels.items():
        file = folder / name.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(each).save(file)
    (folder / "broken.png").write_bytes(b"nothing")
    query = next(iter(pixels.values()))
    Image.fromarray(query).save(tmp_path / "query.png")
    return folder, {name.lstrip("/"): each for name, each in pixels.items()}, tmp_path / "query.png", query


def command(*arguments):
    return exit_code(main, [str(argument) for argument in arguments])


def expected(variables, query, pixels):
    """[(name, cosine)] by the network itself, the highest first."""

    def vector(picture):
        image = (picture / np.float32(255) - np.float32(COLOUR.mean)) / np.float32(COLOUR.std)
        return np.asarray(NET.clone(classes=0).apply(variables, image[None]))[0].astype(np.float64)

    wanted = vector(query)
    found = {}
    for name, picture in pixels.items():
        own = vector(picture)
        found[name] = own @ wanted / np.linalg.norm(own) / np.linalg.norm(wanted)
    return sorted(found.items(), key=lambda pair: -pair[1])


def test_the_nearest_pictures_are_printed_and_drawn(weights, pictures, tmp_path, capsys):
    """Over more than one block; the same picture is first; the broken one is left out in a sentence."""
    (file, variables), (folder, pixels, image, query) = weights, pictures
    out = tmp_path / "new" / "sheet.png"
    flags = (f"--weights={file}", f"--folder={folder}", f"--image={image}", "--count=5", f"--out={out}")
    assert command(*flags) == 0
    said = capsys.readouterr()
    rows = [line.split() for line in said.out.splitlines()[1:-1]]
    wanted = expected(variables, query, pixels)[:5]
    assert [name for _, name in rows] == [name for name, _ in wanted] and rows[0][0] == "1.0000"
    np.testing.assert_allclose([float(cosine) for cosine, _ in rows], [cosine for _, cosine in wanted], atol=1e-4)
    assert "1 of 41 pictures are left out, the first: " in said.err and "broken.png" in said.err
    assert said.err.count("\n") == 1 and out.stat().st_size
    with Image.open(out) as sheet:
        assert sheet.width > sheet.height > 300  # two rows of three


def test_the_picture_itself_is_not_found(weights, pictures, tmp_path, capsys):
    (file, _), (folder, pixels, _, _) = weights, pictures
    name = next(iter(pixels))
    flags = (f"--weights={file}", f"--folder={folder}", f"--image={folder / name}", "--count=99")
    assert command(*flags, f"--out={tmp_path / 'sheet.png'}") == 0
    lines = capsys.readouterr().out.splitlines()[1:-1]
    assert len(lines) == 39 and name not in [line.split()[1] for line in lines]


def test_a_file_of_torchvision_sees_pictures_as_classify_prepares_them(tmp_path, monkeypatch):
    net, _, tensors, _, _ = case("resnet torchvision")
    monkeypatch.setitem(ZOO, "narrow", Member(lambda n: net.clone(classes=n), None, 32))
    save_file(tensors, tmp_path / "model.safetensors")
    Image.fromarray(RNG.integers(256, size=(50, 70, 3), dtype=np.uint8)).save(tmp_path / "photo.png")
    variables, config = load(tmp_path / "model.safetensors", "narrow")
    image = config.preprocessing.read(tmp_path / "photo.png")[None]
    found = encoder(tmp_path / "model.safetensors", "narrow")
    wanted = jax.jit(config.network.clone(classes=0).apply)(variables, image)
    np.testing.assert_allclose(
        found.encode(found.picture.read(tmp_path / "photo.png")[None]), wanted, rtol=1e-3, atol=1e-4
    )


@pytest.mark.parametrize(
    ("page", "config"),
    [
        (image_embeddings, {"blocks": 1, "width": 2}),
        pytest.param(cnn, {"widths": (2, 4)}, marks=pytest.mark.slow),
    ],
)
def test_a_run_lends_its_features_when_its_data_are_gone(page, config, tmp_path, monkeypatch):
    """Of a network within a module, and of one with its last layer. Images are grey."""
    monkeypatch.setattr(data, "load", lambda name, _: pretend(name))

    def build(config, dataset):
        without = {"evaluate": lambda *_: ours({"steps": 2}), "baselines": nothing, "figures": nothing}
        return dataclasses.replace(page.build(config, dataset), **without, claims=(), validate=None, best=None)

    settings = page.Config(dataset="digits", steps=2, batch_size=8, workdir=str(tmp_path / "run"), **config)
    run(page.__name__, build, settings, {"module": page.__name__})
    monkeypatch.setattr(data, "load", lambda *_: pytest.fail("the data were read"))
    found, variables = encoder(tmp_path / "run"), checkpoint.read(tmp_path / "run").variables
    image = RNG.random((3, 8, 8, 1)).astype(np.float32)
    if page is cnn:
        wanted = CNN(0, (2, 4)).apply(variables, image)
    else:
        wanted = Embedder(backbone("resnet8", 2, 1), 10).apply(variables, image, method=Embedder.features)
    np.testing.assert_allclose(found.encode(image), wanted, rtol=1e-4, atol=1e-6)
    assert (found.picture.height, len(found.picture.mean)) == (8, 1)


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--count=0",), "--count=0 should be at least 1"),
        (("--out=sheet.jpg",), "should end in .png"),
        (("--image=none.png",), "--image=none.png is no file"),
        (("--image={folder}/broken.png",), "broken.png cannot be read as an image"),
        (("--folder=nowhere",), "there is no folder nowhere"),
        (("--folder={empty}",), "there are no pictures; files left out that are no pictures by their names"),
        (("--folder={alone}", "--image={alone}/one.png"), "there are no other picture than --image in"),
        (("--folder={bad}",), "none of the 1 pictures in the folder can be read"),
        (("--weights=nothing",), "--weights=nothing is neither a file nor a run directory"),
        (("--weights={finished_run}",), "has no network to start from"),
    ],
)
def test_a_mistake_is_one_sentence(flags, sentence, weights, pictures, finished_run, tmp_path, capsys):
    folder, _, image, query = pictures
    places = {name: tmp_path / name for name in ("empty", "alone", "bad")}
    for place in places.values():
        place.mkdir()
    (places["empty"] / "read.me").write_text("nothing here")
    Image.fromarray(query).save(places["alone"] / "one.png")
    (places["bad"] / "one.png").write_bytes(b"nothing")
    usual = {"weights": weights[0], "folder": folder, "image": image, "out": tmp_path / "sheet.png"}
    changed = [flag.format(folder=folder, finished_run=finished_run[0], **places) for flag in flags]
    assert command(*(f"--{name}={value}" for name, value in usual.items()), *changed) == 2
    said = capsys.readouterr()
    assert sentence in said.err and said.err.count("\n") == 1 and not said.out
