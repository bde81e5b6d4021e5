"""Files of a run directory that are damaged or gone: a sentence, and what can go on goes on."""

import dataclasses
import json
import shutil

import pytest

from deeplearn import data, runs
from deeplearn.errors import UserError
from deeplearn.train.loop import run

from . import toy

CONFIG = toy.Config(steps=4, batch_size=8, checkpoint_every=2)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """(Directory of a finished run, its results)."""
    directory = tmp_path_factory.mktemp("whole")
    return directory, again(directory)


@pytest.fixture
def copy(whole, tmp_path):
    shutil.copytree(whole[0], tmp_path / "run")
    return tmp_path / "run"


def again(directory, name="toy", **changes):
    found = run(name, toy.build, dataclasses.replace(CONFIG, workdir=str(directory), **changes))
    return {key: value for key, value in found.items() if key != "seconds"}


HARM = {
    "gone": None,
    "truncated": b'{"experiment": "toy", "con',
    "a list": b"[1]",
    "bytes": b"\xff\x00",
    "deep": b"[" * 10**5,
}


@pytest.mark.parametrize("harm", HARM)
@pytest.mark.parametrize("name", ["results.json", "config.json"])
def test_a_damaged_file_is_told_and_made_again(whole, copy, capsys, name, harm):
    file, right = copy / name, json.loads((copy / name).read_text())
    file.unlink() if HARM[harm] is None else file.write_bytes(HARM[harm])
    assert again(copy) == whole[1]
    err = capsys.readouterr().err
    if name == "config.json":
        assert err.count("\n") == 1 and f"{file} is gone or damaged" in err
        assert json.loads(file.read_text())["data"] == right["data"]
    elif harm != "gone":
        assert err.count("\n") == 1 and f"{file} is damaged and was renamed" in err
    kept = copy / f"damaged-{name}"
    assert kept.read_bytes() == HARM[harm] if HARM[harm] else not kept.exists()


@pytest.mark.parametrize("harm", ["gone", "truncated"])
def test_without_its_configuration_only_the_same_run_goes_on(whole, copy, capsys, harm):
    (copy / "results.json").unlink()
    shutil.rmtree(copy / "checkpoints" / "4")
    right = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_bytes(HARM[harm] or b"")
    if harm == "gone":
        (copy / "config.json").unlink()
    for change, sentence in [({"seed": 9}, "seed=0"), ({"name": "other"}, "a run of toy, not of other")]:
        with pytest.raises(UserError, match=sentence):
            again(copy, **change)
    capsys.readouterr()
    assert again(copy) == whole[1]
    assert "config.json is gone or damaged: it is written again" in capsys.readouterr().err
    assert json.loads((copy / "config.json").read_text())["data"] == right["data"]


def test_checkpoints_that_do_not_say_whose_they_are(copy):
    (copy / "config.json").unlink()
    for step in (2, 4):
        (copy / "checkpoints" / str(step) / "meta" / "metadata").write_text("{}")
    with pytest.raises(UserError, match="do not say whose they are"):
        again(copy)


def test_a_checkpoint_of_another_run_is_passed_over(whole, copy, tmp_path, capsys):
    again(tmp_path / "other", seed=1)
    (copy / "results.json").unlink()
    shutil.rmtree(copy / "checkpoints" / "4")
    shutil.copytree(tmp_path / "other" / "checkpoints" / "4", copy / "checkpoints" / "4")
    capsys.readouterr()
    assert again(copy) == whole[1]
    assert "it is of another run: seed=1, not 0" in capsys.readouterr().err


def test_damaged_results_stay_where_nothing_can_be_measured_again(copy):
    shutil.rmtree(copy / "checkpoints")
    (copy / "results.json").write_text("{}")
    with pytest.raises(UserError, match="there is no checkpoint to measure again"):
        again(copy)
    assert (copy / "results.json").read_text() == "{}"


def test_damaged_lines_of_metrics_are_told_and_left_out(whole, copy, capsys):
    file = copy / "metrics.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    (copy / "results.json").unlink()
    file.write_bytes(b"".join([lines[0][:20] + b"\n", b"\xff\n", b"3\n", *lines[1:], b'{"step": 4, "spl']))
    assert again(copy) == whole[1]
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "3 damaged line(s), now left out" in err
    assert file.read_bytes().splitlines() == [line.rstrip() for line in lines[1:]]


def test_before_anything_is_saved_a_corrected_command_takes_the_directory(tmp_path):
    with pytest.raises(UserError, match="not finite"):
        again(tmp_path / "run", explode=0)
    assert (tmp_path / "run" / "config.json").exists()
    assert again(tmp_path / "run")["steps"] == 4
    with pytest.raises(UserError, match="holds a run with noisy=True"):
        again(tmp_path / "run", noisy=False)


def test_a_mistake_before_the_run_begins_leaves_nothing_behind(tmp_path):
    with pytest.raises(UserError, match="batch"):
        again(tmp_path / "run", batch_size=10**6)
    assert not (tmp_path / "run").exists()
    (tmp_path / "mine").mkdir()  # the user's own stays
    with pytest.raises(UserError, match="batch"):
        again(tmp_path / "mine", batch_size=10**6)
    assert (tmp_path / "mine").exists()


def test_a_path_may_go_up_and_begin_at_home(whole, tmp_path, monkeypatch):
    shutil.copytree(whole[0], tmp_path / "home" / "run")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home" / "run" / "results.json").unlink()
    assert again("~/../home/run") == whole[1]  # from the checkpoint there
    assert runs.open(tmp_path / "home" / ".." / "home" / "run").step == 4


def test_a_finished_run_says_so_when_its_data_are_gone(whole, monkeypatch):
    def gone(name, _):
        raise UserError("there is no folder")

    monkeypatch.setattr(data, "load", gone)
    assert again(whole[0]) == whole[1]


def test_an_address_is_no_directory_and_nothing_no_experiment(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="name a directory of this machine"):
        again("gs://bucket/run")
    monkeypatch.setattr(toy, "build", lambda config, dataset: None)
    with pytest.raises(UserError, match="build should return an Experiment, not None"):
        again(tmp_path / "run")


def test_a_directory_in_place_of_the_metrics_is_moved_aside(whole, copy, capsys):
    (copy / "results.json").unlink()
    (copy / "metrics.jsonl").unlink()
    (copy / "metrics.jsonl").mkdir()
    assert again(copy) == whole[1]
    assert "metrics.jsonl is a directory and was renamed to damaged-metrics.jsonl" in capsys.readouterr().err
