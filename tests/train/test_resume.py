"""Kills, stops (`interruption`) and mistakes of real processes."""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


def start(workdir, *flags, data_dir, env=None, **kwargs):
    command = [sys.executable, "-m", "tests.train.toy", f"--workdir={workdir}", f"--data_dir={data_dir}", *flags]
    environment = {**os.environ, "JAX_NUM_CPU_DEVICES": "1", **(env or {})}
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, **kwargs
    )


def finish(workdir, *flags, data_dir, **kwargs):
    """(exit code, stdout, stderr) of a whole run."""
    process = start(workdir, *flags, data_dir=data_dir, **kwargs)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def results(workdir):
    return json.loads((workdir / "results.json").read_text())


LONG = ("--steps=3000", "--log_every=50", "--checkpoint_every=100")


@pytest.fixture(scope="module")
def straight(tmp_path_factory, data_dir):
    workdir = tmp_path_factory.mktemp("straight")
    begun = time.monotonic()
    code, _, err = finish(workdir, *LONG, data_dir=data_dir)
    assert code == 0, err
    return workdir, time.monotonic() - begun


@pytest.fixture(scope="module")
def finished(tmp_path_factory, data_dir):
    """The directory of a short run that ended well."""
    workdir = tmp_path_factory.mktemp("finished")
    assert finish(workdir, data_dir=data_dir)[0] == 0
    return workdir


def test_kill_9_at_random_moments(straight, tmp_path, data_dir):
    whole, seconds = straight
    rng = np.random.default_rng(0)
    for _ in range(4):
        process = start(tmp_path, *LONG, data_dir=data_dir)
        time.sleep(rng.uniform(0.3, 0.8) * seconds)
        process.kill()
        process.communicate()
    code, _, err = finish(tmp_path, *LONG, data_dir=data_dir)
    assert code == 0, err
    assert results(tmp_path)["digest"] == results(whole)["digest"]
    assert (tmp_path / "metrics.jsonl").read_text() == (whole / "metrics.jsonl").read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_saves_and_goes_on(straight, tmp_path, data_dir, number):
    whole, _ = straight
    process = start(tmp_path, *LONG, "--checkpoint_every=100000", data_dir=data_dir)
    log = tmp_path / "metrics.jsonl"
    while not (log.exists() and log.read_text()):  # it has taken steps
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    _, err = process.communicate(timeout=100)
    assert process.returncode == 128 + number, err
    assert "everything is saved" in err and "Traceback" not in err
    code, out, err = finish(tmp_path, *LONG, "--checkpoint_every=100000", data_dir=data_dir)
    assert code == 0 and "resuming from step" in out, err
    assert results(tmp_path)["digest"] == results(whole)["digest"]


def test_a_stop_while_evaluating_is_obeyed_at_once(tmp_path, data_dir):
    process = start(tmp_path, "--slow=60", data_dir=data_dir)
    while not (tmp_path / "checkpoints" / "20").exists():
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130 and "stopped at step 20" in err


def test_a_finished_run_says_so(straight, data_dir):
    whole, _ = straight
    before = (whole / "results.json").read_text()
    code, out, _ = finish(whole, *LONG, data_dir=data_dir)
    assert code == 0 and "this run is finished" in out
    assert (whole / "results.json").read_text() == before


def test_resuming_on_another_number_of_devices(tmp_path, data_dir):
    flags = ("--steps=40", "--checkpoint_every=10")
    process = start(tmp_path, *flags, "--slow=60", data_dir=data_dir)
    while not (tmp_path / "checkpoints" / "20").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.communicate()
    # Without --slow: a field of the experiment's own, of which it says that no number depends on it.
    code, out, err = finish(tmp_path, *flags, "--mesh=data:4", data_dir=data_dir, env={"JAX_NUM_CPU_DEVICES": "4"})
    assert code == 0 and "4 cpu device(s)" in out and "resuming from step" in out, err


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--seed=9",), "holds a run with seed=0 (now 9)"),
        (("--steps=19",), "holds a run with steps=20 (now 19)"),
        (("--mesh=data:3",), "needs 3 devices, but there are 1"),
        (("--batch_size=2000",), "2000"),
        (("--dataset=digitz",), "digits"),
        (("--explode=7",), "trouble of the turn fit is not finite at step 8"),
    ],
)
def test_mistakes_end_in_one_sentence(finished, tmp_path, data_dir, flags, sentence):
    code, _, err = finish(finished if "holds" in sentence else tmp_path, *flags, data_dir=data_dir)
    assert code == 2, err
    assert err.startswith("error: ") and sentence in err and len(err.strip().splitlines()) == 1


def test_places_that_cannot_be_used(tmp_path, data_dir):
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.json").write_text('{"experiment": "autoencoders.vae", "config": {}}')
    code, _, err = finish(other, data_dir=data_dir)
    assert code == 2 and "holds a run of autoencoders.vae, not of tests.train.toy" in err
    (tmp_path / "file").write_text("")
    code, _, err = finish(tmp_path / "file", data_dir=data_dir)
    assert code == 2 and "is a file" in err
    code, _, err = finish("/proc/nowhere", data_dir=data_dir)
    assert code == 2 and "cannot write in --workdir=/proc/nowhere" in err
    (other / "config.json").write_text("{")
    code, _, err = finish(other, data_dir=data_dir)
    assert code == 2 and "cannot be read as JSON" in err


def test_a_mistake_leaves_the_place_free(tmp_path, data_dir):
    assert finish(tmp_path, "--batch_size=2000", data_dir=data_dir)[0] == 2
    code, _, err = finish(tmp_path, data_dir=data_dir)
    assert code == 0, err


def test_two_processes_do_not_train_in_one_place(tmp_path, data_dir):
    first = start(tmp_path, "--slow=60", data_dir=data_dir)
    while not (tmp_path / "config.json").exists():
        assert first.poll() is None
        time.sleep(0.05)
    code, _, err = finish(tmp_path, "--slow=60", data_dir=data_dir)
    first.kill()
    first.communicate()
    assert code == 2 and "another process is training" in err


def test_a_full_disk_is_one_sentence_and_loses_nothing(tmp_path, data_dir):
    """A limit on the size of files stands in for the full disk: writes fail in the middle of a checkpoint."""
    flags = ("--steps=400", "--checkpoint_every=5", "--log_every=5")

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    env = {"JAX_ENABLE_COMPILATION_CACHE": "false"}
    code, _, err = finish(tmp_path, *flags, data_dir=data_dir, env=env, preexec_fn=limited)
    assert code == 2, err
    assert err.startswith("error: cannot") and err.count("\n") == 1
    code, out, err = finish(tmp_path, *flags, data_dir=data_dir)
    assert code == 0 and "resuming from step" in out, err
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    steps = [line["step"] for line in lines if line["split"] == "train"]
    assert steps == sorted(set(steps)) and steps[-1] == 400


def two_hosts(workdir, *flags, data_dir, own=((), ())):
    """Two hosts on loopback, each with flags of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shared = (*flags, f"--coordinator=127.0.0.1:{port}", "--num_processes=2")
    return [start(workdir, *shared, f"--process_id={i}", *own[i], data_dir=data_dir) for i in range(2)]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_two_hosts_stop_together(tmp_path, data_dir, number):
    """In a compiled loop, of which each call takes fifty steps."""
    flags = ("--steps=1000000", "--log_every=50", "--checkpoint_every=1000000")
    for _ in range(2):  # the second time they resume
        before = (tmp_path / "metrics.jsonl").read_text() if (tmp_path / "metrics.jsonl").exists() else ""
        hosts = two_hosts(tmp_path, *flags, data_dir=data_dir)
        while not (tmp_path / "metrics.jsonl").exists() or (tmp_path / "metrics.jsonl").read_text() <= before:
            assert hosts[0].poll() is None
            time.sleep(0.05)
        hosts[1].send_signal(number)
        said = [host.communicate(timeout=60)[1] for host in hosts]
        assert [host.returncode for host in hosts] == [143, 128 + number], said
        assert all("everything is saved" in text and "Traceback" not in text for text in said)


@pytest.mark.slow
def test_two_hosts_with_different_flags_are_told(tmp_path, data_dir):
    hosts = two_hosts(tmp_path, data_dir=data_dir, own=(("--seed=1",), ("--seed=2",)))
    for host in hosts:
        _, said = host.communicate(timeout=200)
        assert host.returncode == 2 and "process 1 was started with seed=2, process 0 with seed=1" in said
    assert not (tmp_path / "config.json").exists()


def test_two_processes_train_as_one(tmp_path, data_dir):
    """Two hosts on loopback through jax.distributed: the digest of results is that of one host with two devices."""
    flags = ("--norm", "--log_every=5")
    hosts = two_hosts(tmp_path / "two", *flags, data_dir=data_dir)
    ends = [host.communicate(timeout=200) for host in hosts]
    assert [host.returncode for host in hosts] == [0, 0], ends
    env = {"JAX_NUM_CPU_DEVICES": "2"}
    code, _, err = finish(tmp_path / "one", *flags, "--mesh=data:2", data_dir=data_dir, env=env)
    assert code == 0, err
    one, two = ([json.loads(line) for line in (tmp_path / run / "metrics.jsonl").open()] for run in ("one", "two"))
    assert [line["step"] for line in one] == [line["step"] for line in two]
    for left, right in zip(one, two, strict=True):
        for name, value in left["values"].items():
            assert right["values"][name] == pytest.approx(value, rel=1e-3, abs=1e-4)
