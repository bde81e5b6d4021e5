"""The command that ranks a user's own images."""

import csv

import flax
import numpy as np
import pytest
from PIL import Image

from deeplearn.command import exit_code
from deeplearn.runs import checkpoint
from deeplearn.train.loop import run
from deeplearn.weights.anomalies import main
from experiments.autoencoders import anomaly

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def trained_run(tmp_path_factory):
    """(Directory of a run on a user's own grey 2×3 images, its encoder and decoder as one function)"""
    directory = tmp_path_factory.mktemp("anomalies")
    np.savez(directory / "normal.npz", image=RNG.integers(256, size=(30, 2, 3), dtype=np.uint8))
    config = anomaly.Config(
        steps=3,
        hidden=(4,),
        code=2,
        batch_size=8,
        dataset=f"npz:{directory / 'normal.npz'}",
        workdir=str(directory / "run"),
    )
    results = run("autoencoders.anomaly", anomaly.build, config, {"module": anomaly.__name__})
    assert set(results["metrics"]) == {"false_alarms", "mse"}
    flat = flax.traverse_util.flatten_dict(checkpoint.read(directory / "run").variables)
    weights = {names[-3:]: value[0] for names, value in flat.items()}

    def score(image):
        x = image.reshape(-1)
        y = x
        for network in ("encoder", "decoder"):
            for layer in ("Dense_0", "Dense_1"):
                y = y @ weights[network, layer, "kernel"] + weights[network, layer, "bias"]
                y = np.maximum(y, 0) if layer == "Dense_0" else y
        return np.square(1 / (1 + np.exp(-y)) - x).sum()

    return directory, score


def command(*arguments):
    return exit_code(main, [str(argument) for argument in arguments])


def test_a_folder_and_an_array_are_ranked_by_the_network_s_error(trained_run, tmp_path, capsys):
    directory, score = trained_run
    levels = RNG.integers(16, size=(12, 2, 3), dtype=np.uint8)
    pixels = 17 * levels  # 255 is white, as level 15 of 16
    folder = tmp_path / "mine"
    (folder / "deep").mkdir(parents=True)
    names = [f"{number}.png" if number % 2 else f"deep/{number}.png" for number in range(12)]
    for name, image in zip(names, pixels, strict=True):
        Image.fromarray(image).save(folder / name)
    (folder / "notes.txt").write_text("not an image")
    np.savez(tmp_path / "mine.npz", image=pixels)
    np.savez(tmp_path / "levels.npz", image=levels, levels=16)
    expected = np.array([score(image / 255) for image in pixels])
    order = np.argsort(-expected)
    rows = list(map(str, range(12)))
    for images, known in ((folder, names), (tmp_path / "mine.npz", rows), (tmp_path / "levels.npz", rows)):
        out = tmp_path / "ranked.csv"
        assert command(f"--run={directory}/run", f"--images={images}", f"--output={out}") == 0
        with out.open() as file:
            ranked = list(csv.DictReader(file))
        assert [row["file"] for row in ranked] == [known[index] for index in order]
        assert [row["rank"] for row in ranked] == [str(place) for place in range(1, 13)]
        np.testing.assert_allclose([float(row["score"]) for row in ranked], expected[order], rtol=1e-4)
        printed = capsys.readouterr().out.splitlines()
        assert len(printed) == 11 and printed[0].split()[2] == known[order[0]]


def test_mistakes_end_in_one_sentence(trained_run, tmp_path, capsys):
    directory, _ = trained_run
    (tmp_path / "empty").mkdir()
    (tmp_path / "large").mkdir()
    Image.fromarray(np.zeros((5, 5), np.uint8)).save(tmp_path / "large" / "a.png")
    np.savez(tmp_path / "large.npz", image=np.zeros((4, 5, 5), np.uint8))
    np.savez(tmp_path / "other.npz", picture=np.zeros((4, 2, 3), np.uint8))
    run, large = f"--run={directory}/run", tmp_path / "large"
    for arguments, sentence in {
        (): "the following arguments are required: --run, --images",
        (f"--run={tmp_path}", f"--images={large}"): "is not a run directory",
        (run, f"--images={tmp_path}/absent"): "there is no folder or file",
        (run, f"--images={tmp_path}/empty"): "there are no images in",
        (run, f"--images={large}"): "a.png has 5×5×1 values, but the run was trained on images of 2×3×1",
        (run, f"--images={tmp_path}/large.npz"): "has 5×5×1 values",
        (run, f"--images={tmp_path}/other.npz"): "holds picture: it needs image",
        (run, f"--images={directory}/normal.npz", f"--output={tmp_path}/no/x.csv"): "cannot write --output=",
    }.items():
        assert command(*arguments) == 2
        captured = capsys.readouterr()
        assert captured.out == "" and captured.err.startswith("error: ") and captured.err.count("\n") == 1
        assert sentence in captured.err


def test_the_data_of_the_run_may_be_gone(trained_run, tmp_path, capsys):
    directory, _ = trained_run
    np.savez(tmp_path / "mine.npz", image=RNG.integers(256, size=(3, 2, 3), dtype=np.uint8))
    (directory / "normal.npz").rename(directory / "hidden.npz")
    arguments = [f"--run={directory}/run", f"--images={tmp_path}/mine.npz", f"--output={tmp_path}/x.csv"]
    assert command(*arguments) == 0 and capsys.readouterr().err == ""
    (directory / "hidden.npz").rename(directory / "normal.npz")
