"""Weights and networks as files, and sheets of samples, by the command."""

import json

import jax
import numpy as np
import pytest
from jax import export
from PIL import Image
from safetensors import safe_open

from deeplearn import runs
from deeplearn.command import exit_code
from deeplearn.models.mlp import MLP
from deeplearn.runs import generate
from deeplearn.runs.__main__ import main
from deeplearn.runs.export import exportable
from deeplearn.train.loop import run
from tests.runs import pages

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(size=(7, 8, 8, 1)).astype(np.float32)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, data_dir):
    """{form: a finished run's directory}."""
    place, found = tmp_path_factory.mktemp("pages"), {}
    for form in ("classifier", "rivals"):
        config = pages.Config(form=form, workdir=str(place / form), data_dir=str(data_dir))
        run(form, pages.build, config, {"module": pages.__name__})
        found[form] = place / form
    return found


def command(name, *arguments):
    return exit_code(main, [name, *map(str, arguments)])


def test_all_weights_as_safetensors(trained, tmp_path):
    directory, file = trained["classifier"], tmp_path / "deep" / "weights.safetensors"
    assert command("export", f"--run={directory}", f"--file={file}") == 0
    opened = runs.open(directory)
    with safe_open(file, "numpy") as found:
        meta = found.metadata()
        assert set(found.keys()) == {f"params/Dense_{n}/{role}" for n in (0, 1) for role in ("kernel", "bias")}
        for n in (0, 1):
            np.testing.assert_array_equal(
                found.get_tensor(f"params/Dense_{n}/kernel"), opened.weights["params"][f"Dense_{n}"]["kernel"]
            )
    assert json.loads(meta["experiment"]) == "classifier" and json.loads(meta["step"]) == 3
    assert json.loads(meta["classes"]) == list("0123456789") and json.loads(meta["levels"]) == 17
    assert json.loads(meta["config"])["form"] == "classifier"
    assert json.loads(meta["spec"])["image"] == [[8, 8, 1], "float32"]


def exported(directory, file, *flags):
    assert command("export", f"--run={directory}", f"--file={file}", *flags) == 0
    return export.deserialize(bytearray(file.read_bytes()))


def test_the_model_as_a_program_for_any_batch(trained, tmp_path, capsys):
    pytest.importorskip("flatbuffers")
    program = exported(trained["classifier"], tmp_path / "net.jaxexport")
    assert "float32[batch,8,8,1] → float32[batch,10]" in capsys.readouterr().out
    opened = runs.open(trained["classifier"])
    for batch in (1, 7):
        wanted = opened.trained(MLP.__call__, IMAGES[:batch])
        np.testing.assert_allclose(program.call(IMAGES[:batch]), wanted, rtol=1e-5, atol=1e-6)
    assert set(program.platforms) == {"cpu", "cuda", "rocm", "tpu"}
    about = json.loads((tmp_path / "net.jaxexport.json").read_text())
    assert about["classes"] == list("0123456789") and about["spec"]["image"] == [[8, 8, 1], "float32"]


def test_a_method_or_network_as_a_program(trained, tmp_path):
    """A rival's method; one of flat images takes images all the same; one that asks for len is exported by rows."""
    pytest.importorskip("flatbuffers")
    own = runs.open(trained["rivals"]).trained["second"]
    decoded = exported(trained["rivals"], tmp_path / "a.jaxexport", "--network=second/reconstruct")
    coded = exported(trained["rivals"], tmp_path / "b.jaxexport", "--network=second/encoder")
    for batch in (1, 7):
        images = IMAGES[:batch]
        wanted = own(pages.Autoencoder.reconstruct, images)
        np.testing.assert_allclose(decoded.call(images), wanted, rtol=1e-5, atol=1e-6)
        wanted = own(pages.Autoencoder.encode, images.reshape(batch, -1))
        np.testing.assert_allclose(coded.call(images), wanted, rtol=1e-5, atol=1e-6)


def test_what_can_be_exported(trained):
    names = {f"{rival}/{name}" for rival in ("first", "second") for name in ("encode", "encoder", "reconstruct")}
    assert set(exportable(runs.open(trained["rivals"]))) == names


def test_sheets_of_samples(trained, tmp_path):
    """The first is the one that is drawn at the run's end; others have other random numbers."""
    directory = trained["rivals"]
    file = tmp_path / "samples.png"
    assert command("sample", f"--run={directory}", f"--file={file}", "--count=2") == 0
    drawn = np.asarray(Image.open(file))
    assert drawn.shape == (2 * 16, 64)
    last = max((directory / "samples").iterdir(), key=lambda one: int(one.stem))
    np.testing.assert_array_equal(drawn[:16], np.asarray(Image.open(last)))
    assert not np.array_equal(drawn[:8], drawn[16:24])
    np.testing.assert_array_equal(drawn[8:16], drawn[24:])  # test images
    assert command("sample", f"--run={directory}", f"--file={file}", "--seed=3") == 0
    assert not np.array_equal(np.asarray(Image.open(file))[:8], drawn[:8])


def test_images_in_a_folder(trained, tmp_path, capsys, monkeypatch):
    """In blocks; the same for the same seed."""
    monkeypatch.setattr(generate, "BLOCK", 4)

    def made(name, *flags):
        assert command("images", f"--run={trained['rivals']}", f"--folder={tmp_path / name}", *flags) == 0
        files = sorted((tmp_path / name).iterdir())
        return [file.name for file in files], [np.asarray(Image.open(file)) for file in files]

    names, first = made("a/b", "--count=11")
    assert names == [f"{number:02}.png" for number in range(11)] and first[0].shape == (8, 8, 3)
    assert "11 pictures, rivals at step 3" in capsys.readouterr().out
    assert len({image.tobytes() for image in first}) == 11
    np.testing.assert_array_equal(made("c", "--count=11")[1], first)
    assert not np.array_equal(made("d", "--count=11", "--seed=1")[1], first)


def test_a_walk_as_a_film_and_as_rows(trained, tmp_path, capsys):
    """The toy's walk is a ramp of grey: 16 pictures a leg in a GIF, 10 in a row."""
    gif, png = tmp_path / "walk.gif", tmp_path / "walk.png"
    for file in (gif, png):
        assert command("interpolate", f"--run={trained['rivals']}", f"--file={file}", "--stops=3") == 0
    assert "a walk past 3 pictures, rivals at step 3" in capsys.readouterr().out
    asked = tmp_path / "asked.png"
    assert command("interpolate", f"--run={trained['rivals']}", f"--file={asked}", "--text=white", "--stops=3") == 0
    assert np.asarray(Image.open(asked))[8, 8].mean() > 250 > 5 > np.asarray(Image.open(png))[8, 8].mean()
    with Image.open(gif) as film:
        assert film.n_frames == 3 * 16 and film.size == (256, 256) and film.info["loop"] == 0
        film.seek(40)
        assert np.asarray(film.convert("L")).mean() == pytest.approx(255 * 40 / 48, abs=3)
    tile = 8 * 10 + 4  # its side at the scale of the sheet, and the gap
    rows = np.asarray(Image.open(png).convert("L"))
    assert rows.shape == (3 * tile + 4, 10 * tile + 4)
    assert rows[2 * tile + 10, 5 * tile + 10] == pytest.approx(255 * 25 / 30, abs=1)


def test_a_run_is_asked(trained, tmp_path, capsys):
    def asked(*arguments):
        assert command("ask", f"--run={trained['classifier']}", *arguments) == 0
        return capsys.readouterr().out

    said = asked("--text=seven")
    assert said.startswith("seven: ") and said.endswith(" of 0, 1, …\n")
    assert asked("--text=seven") == said == asked("--text=seven", "--seed=0") != asked("--text=seven", "--seed=1")
    (tmp_path / "a.png").write_text("")
    assert asked(f"--file={tmp_path}/a.png").startswith(f"{tmp_path}/a.png: ")


def test_mistakes_end_in_one_sentence(trained, tmp_path, capsys):
    classifier, rivals = (f"--run={trained[form]}" for form in ("classifier", "rivals"))
    (tmp_path / "file").write_text("")
    for arguments, sentence in {
        (): "are required: sample|images|interpolate|ask|translate|compare|export",
        ("export", classifier): "required: --file",
        ("export", classifier, f"--file={tmp_path}/x.pth"): "should end in .safetensors or .jaxexport",
        ("export", classifier, f"--file={tmp_path}/x.safetensors", "--network=a"): "holds all networks",
        ("export", classifier, f"--file={tmp_path}/file/x.safetensors"): "cannot write --file=",
        ("export", f"--run={tmp_path}/no", f"--file={tmp_path}/x.safetensors"): "there is no directory",
        ("export", f"--run={tmp_path}", f"--file={tmp_path}/x.safetensors"): "is not a run directory",
        ("export", classifier, f"--file={tmp_path}/x.safetensors", "--replica=1"): "there is no replica 1",
        ("export", rivals, f"--file={tmp_path}/x.jaxexport"): (
            "has no __call__ that maps a batch of images alone: --network may be first/encode, first/encoder, "
            "first/reconstruct, second/encode"
        ),
        ("export", rivals, f"--file={tmp_path}/x.jaxexport", "--network=third"): "has no third that maps",
        ("sample", classifier, f"--file={tmp_path}/x.png"): "draws no sheet",
        ("sample", rivals, f"--file={tmp_path}/x.gif"): "should end in .png",
        ("sample", rivals, f"--file={tmp_path}/x.png", "--count=0"): "--count should be at least 1",
        ("compare", rivals): "required: --with",
        ("ask", classifier): "one of the arguments --text --file is required",
        ("ask", classifier, "--text="): "--text is empty: say a number",
        ("ask", classifier, "--text=7", "--seed=-1"): "--seed should be at least 0",
        ("ask", classifier, f"--file={tmp_path}/no.png"): "is no file: name one to be read",
        ("ask", rivals, "--text=7"): "answers no questions",
        ("interpolate", classifier, f"--file={tmp_path}/x.gif"): "has no noise to walk through",
        ("interpolate", rivals, f"--file={tmp_path}/x.jpg"): "should end in .gif or .png",
        ("interpolate", rivals, f"--file={tmp_path}/x.gif", "--stops=1"): "--stops should be at least 2",
        ("images", classifier, f"--folder={tmp_path}/x.folder"): "makes no images",
        ("images", rivals, f"--folder={tmp_path}"): "is there already: name a new one",
        ("images", rivals, f"--folder={tmp_path}/x.folder", "--text=A"): "takes no --text",
        ("interpolate", rivals, f"--file={tmp_path}/x.gif", "--truncation=1"): "takes no --truncation",
        ("images", rivals, f"--folder={tmp_path}/x.folder", "--count=0"): "--count should be at least 1",
    }.items():
        assert exit_code(main, arguments) == 2
        captured = capsys.readouterr()
        assert captured.out == "" and captured.err.startswith("error: ") and captured.err.count("\n") == 1
        assert sentence in captured.err
    assert not list(tmp_path.glob("x.*"))


def test_the_weights_are_read_as_any_file_of_weights(trained, tmp_path):
    from deeplearn.weights import load_into

    file = tmp_path / "weights.safetensors"
    assert command("export", f"--run={trained['classifier']}", f"--file={file}") == 0
    net = MLP((5,), 10)
    shapes = jax.eval_shape(net.init, jax.random.key(0), IMAGES)
    larger = {"params": {"part": jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), shapes["params"])}}
    loaded = load_into(larger, file, net, "part")
    kernel = runs.open(trained["classifier"]).weights["params"]["Dense_0"]["kernel"]
    np.testing.assert_array_equal(loaded["params"]["part"]["Dense_0"]["kernel"], kernel)
