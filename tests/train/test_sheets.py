"""Sample sheets while it trains: some ten a run, of the weights of their step, resumed without gap."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from deeplearn.errors import UserError
from deeplearn.train.loop import run

from . import toy
from .test_logs import events


def sheet(trained, dataset):
    """One pixel whose grey shows the weights."""
    value = float(np.abs(trained.variables["params"]["first"]["kernel"]).sum())
    return Image.fromarray(np.full((3, 2, 3), round(value * 1000) % 251, np.uint8))


def build(config, dataset):
    return dataclasses.replace(toy.build(config, dataset), sheet=sheet)


@pytest.mark.parametrize(("flags", "steps"), [({}, range(2, 21, 2)), ({"sample_every": 7}, [7, 14, 20])])
def test_sheets_are_drawn_at_their_steps(tmp_path, flags, steps):
    run("toy", build, toy.Config(workdir=str(tmp_path), **flags))
    files = sorted(file.name for file in (tmp_path / "samples").iterdir())
    assert files == [f"{step:02}.png" for step in steps]
    shades = {np.asarray(Image.open(tmp_path / "samples" / name))[0, 0, 0] for name in files}
    assert len(shades) > 1
    pictures = [(e.step, v) for e in events(tmp_path) for v in e.summary.value if v.tag == "samples"]
    assert [(step, value.image.width) for step, value in pictures] == [(step, 2) for step in steps]


def test_cheap_numbers_are_followed_at_the_steps_of_the_sheets(tmp_path):
    def build(config, dataset):
        def curves(trained, dataset):
            return {"size": float(np.abs(trained.variables["params"]["first"]["kernel"]).sum())}

        return dataclasses.replace(toy.build(config, dataset), curves=curves)

    run("toy", build, toy.Config(workdir=str(tmp_path), replicas=2, sample_every=10))
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").open()]
    found = [
        (line["step"], set(line["values"]), set(line["stderr"])) for line in lines if line["split"] == "samples"
    ]
    assert found == [(10, {"size"}, {"size"}), (20, {"size"}, {"size"})]


def test_what_is_logged_does_not_depend_on_sheets(tmp_path):
    with_sheets = run("toy", build, toy.Config(workdir=str(tmp_path / "a"), sample_every=3))
    without = run("toy", toy.build, toy.Config(workdir=str(tmp_path / "b")))
    assert with_sheets["digest"] == without["digest"]
    lines = [(tmp_path / name / "metrics.jsonl").read_text() for name in "ab"]
    assert lines[0] == lines[1]


def test_a_sheet_that_cannot_be_drawn_is_left_out_once_and_training_goes_on(tmp_path, capsys):
    def broken(trained, dataset):
        raise ValueError("no pictures of four channels")

    def build(config, dataset):
        return dataclasses.replace(toy.build(config, dataset), sheet=broken)

    found = run("toy", build, toy.Config(workdir=str(tmp_path)))
    assert found["metrics"] and not (tmp_path / "samples").exists()
    sentence = "the sheet of samples is left out: ValueError: no pictures of four channels"
    assert capsys.readouterr().err.count(sentence) == 1


def test_a_validation_or_curve_that_fails_does_not_end_the_training(tmp_path, capsys):
    def fail(*_):
        raise UserError("there are too few images")

    def build(config, dataset):
        return dataclasses.replace(toy.build(config, dataset), validate=fail, curves=fail, sheet=fail)

    config = toy.Config(steps=4, batch_size=8, checkpoint_every=2, workdir=str(tmp_path))
    assert run("toy", build, config)["steps"] == 4
    said = capsys.readouterr().err.splitlines()
    assert sorted(said) == [
        f"the {what} is left out: there are too few images"
        for what in ("curve of samples", "sheet of samples", "validation")
    ]
