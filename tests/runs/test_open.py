"""A run is opened read-only: while it trains, on one device, after its data are gone, past damage."""

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn import data, runs
from deeplearn.data.description import describe, stand_in
from deeplearn.errors import UserError
from deeplearn.train.state import digest
from tests.train import toy

ROOT = Path(__file__).parents[2]


def tree_of(directory):
    """Every file below, with its size and when it was written."""
    return {
        str(file.relative_to(directory)): (file.stat().st_size, file.stat().st_mtime_ns)
        for file in directory.rglob("*")
    }


def test_a_run_in_three_lines(finished):
    directory, results = finished
    before = tree_of(directory)
    opened = [runs.open(directory, replica) for replica in range(2)]
    assert digest([run.weights["params"] for run in opened]) == results["digest"]
    second = opened[1]
    measured = second.trained.mean(toy.validate, second.dataset().test.arrays())
    assert measured["loss"] == results["replica_values"]["ours"]["loss"][1]
    assert (second.name, second.step, second.replicas, second.levels) == ("toy", 20, 2, 17)
    assert second.classes == tuple("0123456789") and second.image_shape == (8, 8, 1)
    assert second.config == toy.Config(
        **{**vars(second.config), "workdir": str(directory), "data_dir": second.config.data_dir}
    )
    assert second.results == results == runs.open(str(directory)).results
    assert isinstance(second.model, toy.Networks)
    assert tree_of(directory) == before


def test_on_one_device_what_was_trained_on_a_mesh(train, tmp_path):
    results = train(tmp_path / "run", mesh="data:2,model:2")
    run = runs.open(tmp_path / "run")
    assert digest([run.weights["params"]]) == results["digest"]
    assert all(len(leaf.sharding.device_set) == 1 for leaf in jax.tree.leaves(run.weights))
    # What was saved on four devices is read on one.
    code = f"from deeplearn import runs; print(runs.open({str(tmp_path / 'run')!r}).weights['params']['third'])"
    env = {**os.environ, "JAX_NUM_CPU_DEVICES": "1"}
    alone = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True)
    assert alone.stdout.strip() == str(run.weights["params"]["third"]), alone.stderr


def test_after_the_data_are_gone(train, tmp_path, capsys):
    rng = np.random.default_rng(0)
    file = tmp_path / "mine.npz"
    columns = {"image": rng.integers(256, size=(60, 4, 4, 1), dtype=np.uint8), "label": np.arange(60) % 3}
    np.savez(file, **columns)
    results = train(tmp_path / "run", dataset=f"npz:{file}", batch_size=8)
    file.rename(tmp_path / "hidden.npz")
    run = runs.open(tmp_path / "run")
    assert digest([run.weights["params"]]) == results["digest"]
    assert run.classes == ("0", "1", "2") and run.image_shape == (4, 4, 1) and run.levels == 256
    assert len(run.described.train) + len(run.described.validation) + len(run.described.test) == 60
    with pytest.raises(UserError, match="the data of this run are needed for that"):
        run.described.test.arrays()
    with pytest.raises(UserError, match=rf"--dataset=npz:{file}\) cannot be loaded.* --data_dir"):
        run.dataset()
    assert capsys.readouterr().err == ""
    # They come back changed: that is reported, once.
    np.savez(file, **{**columns, "image": columns["image"] ^ 1})
    run.dataset()
    run.dataset()
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1 and f"the data of --dataset=npz:{file} have changed since" in printed
    with pytest.raises(UserError, match="have changed since the run in"):
        (tmp_path / "run" / "results.json").unlink()
        train(tmp_path / "run", dataset=f"npz:{file}", batch_size=8)


def test_a_description_is_the_data_without_their_rows(data_dir):
    for name in ("digits", "mixture/grid"):
        dataset = data.load(name, data_dir)
        asked = dataset.fact("mean", lambda d=dataset: d.train.arrays()[next(iter(d.train.spec))].mean(0))
        copy = stand_in(json.loads(json.dumps(describe(dataset))))
        assert (copy.name, copy.classes, copy.levels) == (dataset.name, dataset.classes, dataset.levels)
        for split in ("train", "validation", "test"):
            one, other = getattr(copy, split), getattr(dataset, split)
            assert len(one) == len(other) and one.spec == other.spec and one.texts == other.texts
        assert copy.about.keys() == dataset.about.keys()
        for key, value in dataset.about.items():
            np.testing.assert_array_equal(copy.about[key], value)
        found = copy.fact("mean", copy.train.arrays)
        np.testing.assert_array_equal(found, asked)
        assert found.dtype == asked.dtype
        with pytest.raises(UserError, match="the data of this run are needed"):
            copy.fact("std", copy.train.arrays)


def test_an_older_run_without_a_description_loads_its_data(finished, tmp_path):
    shutil.copytree(finished[0], tmp_path / "run")
    file = tmp_path / "run" / "config.json"
    saved = json.loads(file.read_text())
    del saved["data"]
    file.write_text(json.dumps(saved))
    run = runs.open(tmp_path / "run")
    assert run.described is run.dataset() and len(run.described.test.arrays()["label"]) == 500


def largest(directory):
    return max((f for f in directory.rglob("*") if f.is_file()), key=lambda f: f.stat().st_size)


@pytest.mark.parametrize("harm", ["flip", "truncate", "remove", "empty", "another's"])
def test_a_damaged_newest_checkpoint_is_reported_and_the_one_before_is_read(finished, tmp_path, capsys, harm):
    directory = tmp_path / "run"
    shutil.copytree(finished[0], directory)
    older, newest = (directory / "checkpoints" / step for step in ("15", "20"))
    file = largest(newest / "state")
    content = file.read_bytes()
    if harm == "flip":
        middle = len(content) // 2
        file.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    elif harm == "truncate":
        file.write_bytes(content[: len(content) // 2])
    elif harm == "remove":
        file.unlink()
    else:
        shutil.rmtree(newest)
        if harm == "empty":
            newest.mkdir()
        else:
            shutil.copytree(older, newest)
    before = tree_of(directory)
    run = runs.open(directory)
    printed = capsys.readouterr().err
    assert run.step == 15 and printed.count("\n") == 1
    assert f"checkpoint 20 of {directory} is damaged" in printed and "read the one of step 15 instead" in printed
    assert tree_of(directory) == before


def test_while_another_process_trains(tmp_path, data_dir):
    """Opened again and again from the first checkpoint to the end: the trainer ends as if alone."""
    flags = ["--steps=800", "--checkpoint_every=20", "--log_every=20", f"--data_dir={data_dir}"]
    environment = {**os.environ, "JAX_NUM_CPU_DEVICES": "1"}

    def start(workdir):
        command = [sys.executable, "-m", "tests.train.toy", f"--workdir={workdir}", *flags]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, cwd=ROOT, env=environment, **pipes)

    alone = start(tmp_path / "alone")
    assert alone.wait(timeout=300) == 0, alone.stderr.read()
    watched = start(tmp_path / "watched")
    seen, printed = [], []
    begun = time.monotonic()
    while watched.poll() is None and time.monotonic() < begun + 300:
        try:
            seen.append(runs.open(tmp_path / "watched").step)
        except UserError as error:
            printed.append(str(error))
            time.sleep(0.05)
    _, err = watched.communicate()
    assert watched.returncode == 0 and "damaged" not in err, err
    first, second = (json.loads((tmp_path / name / "results.json").read_text()) for name in ("alone", "watched"))
    assert first["digest"] == second["digest"]
    assert seen == sorted(seen) and len(set(seen)) > 1
    assert all(re.search("there is no directory|no config.json|no checkpoint", one) for one in printed)


def test_the_best_on_validation(finished, tmp_path):
    directory, _ = finished
    lines = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
    losses = {line["step"]: np.mean(line["values"]["loss"]) for line in lines if line["split"] == "validation"}
    kept = [int(one.name) for one in (directory / "checkpoints").iterdir() if one.name.isdecimal()]
    assert runs.open(directory, best=True).step == min(kept, key=losses.get)
    shutil.copytree(directory, tmp_path / "run")
    (tmp_path / "run" / "metrics.jsonl").unlink()  # each checkpoint holds its own validation
    assert runs.open(tmp_path / "run", best=True).step == min(kept, key=losses.get)


PROGRAM = '''
    """A user's own program."""
    from __future__ import annotations
    import dataclasses
    import flax.linen as nn
    import optax
    from deeplearn import train as dl
    from neighbour import WIDTH

    @dataclasses.dataclass(frozen=True)
    class Settings(dl.Config):
        steps: int = 2
        width: tuple[int, ...] = dl.flag((WIDTH,), "widths")

    class Net(nn.Module):
        width: tuple[int, ...]
        classes: int

        @nn.compact
        def __call__(self, x):
            x = x.reshape(len(x), -1)
            for width in self.width:
                x = nn.tanh(nn.Dense(width)(x))
            return nn.Dense(self.classes)(x)

    def loss(net, batch):
        return (net(batch["image"]).sum(-1) - batch["label"]).mean() ** 2, {}

    def make(config, dataset):
        net = Net(config.width, len(dataset.classes))
        return dl.Experiment(net, [dl.Stage([dl.Turn(loss)], optax.sgd(0.1), config.steps)], dataset)

    if __name__ == "__main__":
        dl.launch(Settings, make)
'''


def test_a_user_s_own_program_is_found_from_anywhere(tmp_path, data_dir, monkeypatch):
    (tmp_path / "mine").mkdir()
    program = tmp_path / "mine" / "net.py"
    program.write_text(textwrap.dedent(PROGRAM))
    (tmp_path / "mine" / "neighbour.py").write_text("WIDTH = 7\n")
    command = [sys.executable, "net.py", f"--workdir={tmp_path}/run", f"--data_dir={data_dir}"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(command, cwd=program.parent, env=env, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    monkeypatch.chdir(tmp_path)
    path = list(sys.path)
    run = runs.open("run")
    assert sys.path == path and run.config.width == (7,) and type(run.model).__name__ == "Net"
    assert run.trained(type(run.model).__call__, jnp.zeros((2, 8, 8, 1))).shape == (2, 10)
    assert type(runs.open("run").model) is type(run.model)
    program.rename(tmp_path / "mine" / "moved.py")
    with pytest.raises(UserError, match=r"net.py, by which the run was trained, is gone"):
        runs.open("run")


def test_mistakes_are_one_sentence(finished, tmp_path):
    directory, _ = finished
    other = tmp_path / "other"
    for name in ("bare", "config", "module", "older", "class", "type"):
        shutil.copytree(directory, tmp_path / name)
    shutil.rmtree(tmp_path / "bare" / "checkpoints")
    (tmp_path / "bare" / "checkpoints").mkdir()
    (tmp_path / "config" / "config.json").write_text("{")
    saved = json.loads((directory / "config.json").read_text())
    for name, changed in {
        "module": {**saved, "module": "absent.module"},
        "older": {key: value for key, value in saved.items() if key != "module"},
        "class": {**saved, "config_class": "Absent"},
        "type": {**saved, "config": {**saved["config"], "steps": "many"}},
    }.items():
        (tmp_path / name / "config.json").write_text(json.dumps(changed))
    other.mkdir()
    for call, sentence in {
        lambda: runs.open(tmp_path / "absent"): "there is no directory",
        lambda: runs.open(other): "is not a run directory: it has no config.json",
        lambda: runs.open(directory, 2): r"has 2 replica\(s\): there is no replica 2",
        lambda: runs.open(directory, -1): "there is no replica -1",
        lambda: runs.open(tmp_path / "bare"): "has no checkpoint yet",
        lambda: runs.open(tmp_path / "config"): "cannot be read as JSON",
        lambda: runs.open(tmp_path / "module"): "the module absent.module, by which .* cannot be imported",
        lambda: runs.open(tmp_path / "older"): "does not say which module trained the run",
        lambda: runs.open(tmp_path / "type"): "gives steps='many', but the experiment now wants an integer",
        lambda: runs.open(tmp_path / "class"): "has no configuration called Absent now",
    }.items():
        with pytest.raises(UserError, match=sentence) as caught:
            call()
        assert "\n" not in str(caught.value)
