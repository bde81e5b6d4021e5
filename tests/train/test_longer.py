"""More steps for a run: the same bits as if it had been asked for them at once, or a sentence that says why not."""

import dataclasses
import json

import optax
import pytest

from deeplearn.errors import UserError
from deeplearn.train import Stage, Turn
from deeplearn.train.loop import run

from . import toy

CONFIG = toy.Config(steps=4, batch_size=8, checkpoint_every=3)


def one_stage(rate):
    """`build` of the toy as one stage, at the rate that `rate(steps)` gives."""

    def build(config, dataset):
        turns = [Turn(toy.fit, ("first", "second")), Turn(toy.judge, ("third",), every=3)]
        stages = [Stage(turns, optax.adam(rate(config.steps)), config.steps, ema=0.9)]
        return dataclasses.replace(toy.build(config, dataset), stages=stages)

    return build


def test_more_steps_are_as_if_asked_for_at_once(tmp_path, capsys):
    build = one_stage(lambda steps: 1e-2)
    longer = dataclasses.replace(CONFIG, steps=8)
    at_once = run("toy", build, dataclasses.replace(longer, workdir=str(tmp_path / "at once")))
    first = run("toy", build, dataclasses.replace(CONFIG, workdir=str(tmp_path / "run")))
    capsys.readouterr()
    later = run("toy", build, dataclasses.replace(longer, workdir=str(tmp_path / "run")))
    assert "continued to 8" in (printed := capsys.readouterr().out) and "resuming from step 4" in printed
    assert later["digest"] == at_once["digest"] != first["digest"]
    assert later["metrics"] == at_once["metrics"] and later["steps"] == 8
    assert json.loads((tmp_path / "run" / "results-at-4.json").read_text()) == json.loads(json.dumps(first))
    assert json.loads((tmp_path / "run" / "config.json").read_text())["config"]["steps"] == 8
    run("toy", build, dataclasses.replace(longer, workdir=str(tmp_path / "run")))
    assert "this run is finished" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("build", "steps", "sentence"),
    [
        (
            one_stage(lambda steps: optax.cosine_decay_schedule(1e-2, steps)),
            8,
            "the loss of fit depends on the number",
        ),
        (toy.build, 8, "the stage early would have to take more steps too"),
        (one_stage(lambda steps: 1e-2), 3, r"holds a run with steps=4 \(now 3\)"),
    ],
)
def test_what_cannot_be_continued_is_told_and_stays_as_it_is(tmp_path, build, steps, sentence):
    config = dataclasses.replace(CONFIG, workdir=str(tmp_path))
    run("toy", build, config)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    with pytest.raises(UserError, match=sentence):
        run("toy", build, dataclasses.replace(config, steps=steps))
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before
