"""What a run writes while it trains, read back as other programs would read it."""

import json
import os
import pty
import struct
import termios

import numpy as np
import pytest
import scipy.stats
from tensorboardX.proto.event_pb2 import Event, SessionLog

from deeplearn.errors import UserError
from deeplearn.train import logs
from deeplearn.train.logs import MetricsLog, Progress, write_atomically


def lines(workdir):
    return [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]


def written(workdir, steps, first=0):
    log = MetricsLog(workdir, first)
    for step in steps:
        log.write(step, "train", "train", {"loss": np.array([step / 10])})
    log.close()


def test_a_line_holds_means_and_standard_errors_over_replicas(tmp_path):
    log, draws = MetricsLog(tmp_path, 0), np.array([1.0, 2.5, 4.25])
    log.write(10, "pretrain", "validation", {"nll": draws, "loss": np.array([0.123456789])})
    (line,) = lines(tmp_path)  # each line is on the disk as soon as it is written
    log.close()
    assert (line["step"], line["stage"], line["split"]) == (10, "pretrain", "validation")
    assert line["values"] == {"nll": pytest.approx(draws.mean(), rel=1e-5), "loss": 0.123457}
    assert line["stderr"] == {"nll": pytest.approx(scipy.stats.sem(draws), rel=1e-5)}


def test_what_json_cannot_say_is_null(tmp_path):
    log = MetricsLog(tmp_path, 0)
    log.write(1, "train", "train", {"loss": np.array([np.nan]), "nll": np.array([-np.inf])})
    log.close()
    text = (tmp_path / "metrics.jsonl").read_text()
    assert json.loads(text, parse_constant=lambda name: pytest.fail(name))["values"] == {"loss": None, "nll": None}


def test_resuming_drops_the_lines_beyond_the_step_and_goes_on(tmp_path):
    written(tmp_path, [5, 10, 15, 20])
    written(tmp_path, [15, 20, 25], first=10)
    assert [line["step"] for line in lines(tmp_path)] == [5, 10, 15, 20, 25]


@pytest.mark.parametrize("kept", range(0, 70, 7))
def test_a_last_line_that_a_kill_cut_is_dropped(tmp_path, kept):
    written(tmp_path, [5, 10])
    path = tmp_path / "metrics.jsonl"
    whole, last = path.read_text().splitlines(keepends=True)
    path.write_text(whole + last[:kept])
    written(tmp_path, [10, 15], first=5)
    assert [line["step"] for line in lines(tmp_path)] == [5, 10, 15]


def test_an_atomic_write_replaces_or_leaves(tmp_path, monkeypatch):
    path = tmp_path / "new" / "file"
    write_atomically(path, "first")
    write_atomically(path, b"second")
    assert path.read_bytes() == b"second" and list(path.parent.iterdir()) == [path]

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(logs.os, "replace", full)
    with pytest.raises(UserError, match=r"cannot write .*file \(No space left on device\): make room"):
        write_atomically(path, "third")
    assert path.read_bytes() == b"second"


def test_a_full_disk_while_logging_is_a_sentence(tmp_path):
    log = MetricsLog(tmp_path, 0)
    log.file.close()
    log.file = open("/dev/full", "w")  # noqa: SIM115
    with pytest.raises(UserError, match=r"cannot write .*metrics.jsonl \(No space left on device\)"):
        log.write(1, "train", "train", {"loss": np.array([1.0])})
    log.close()  # and this does not hide it


# TensorBoard's files are TFRecords: length, its checksum, an Event in protocol buffers, its checksum.


def crc32c(data):
    """Castagnoli's checksum, bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


assert crc32c(b"123456789") == 0xE3069283  # the standard check value


def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32


def events(workdir):
    found = []
    for path in sorted(workdir.glob("events*tfevents*"), key=lambda path: path.stat().st_mtime_ns):
        data = path.read_bytes()
        while data:
            (length,), (check,) = struct.unpack("<Q", data[:8]), struct.unpack("<I", data[8:12])
            assert check == masked(data[:8])
            record, data = data[12 : 12 + length], data[12 + length :]
            assert struct.unpack("<I", data[:4]) == (masked(record),)
            data = data[4:]
            found.append(Event.FromString(record))
    return found


def test_tensorboard_s_events_hold_the_values(tmp_path):
    log = MetricsLog(tmp_path, 0)
    log.write(10, "train", "train", {"loss": np.array([0.5]), "nll": np.array([np.nan])})
    log.write(20, "train", "test", {"accuracy": np.array([0.25, 0.75])})
    first, *found = events(tmp_path)  # at once, as the lines
    log.close()
    assert first.file_version == "brain.Event:2"
    values = [(e.step, {v.tag: v.simple_value for v in e.summary.value}) for e in found]
    assert values == [(10, {"train/loss": 0.5}), (20, {"test/accuracy": 0.5})]
    assert all(e.wall_time > 1e9 for e in found)


def test_a_resumed_run_tells_tensorboard_what_to_forget(tmp_path):
    written(tmp_path, [5, 10, 15])
    assert not any(e.HasField("session_log") for e in events(tmp_path))
    written(tmp_path, [15], first=10)
    (start,) = [e for e in events(tmp_path) if e.HasField("session_log")]
    assert start.session_log.status == SessionLog.START
    assert start.step == 11  # events of this step and later ones are orphans of the killed run
    assert len(list(tmp_path.glob("events*tfevents*"))) == 2


# The progress line.


@pytest.fixture(name="terminal")
def pseudo_terminal():
    """(the stream a program writes to, a function that reads what arrived)"""
    outside, inside = pty.openpty()
    os.set_blocking(outside, False)

    def shown():
        text = b""
        while True:
            try:
                text += os.read(outside, 10_000)
            except BlockingIOError:
                return text.decode()

    with open(inside, "w", closefd=False) as stream:
        yield stream, shown
    os.close(outside)
    os.close(inside)


def test_on_a_terminal_there_is_a_bar_with_steps_rate_time_left_and_what_is_watched(terminal):
    stream, shown = terminal
    termios.tcsetwinsize(stream.fileno(), (5, 150))
    progress = Progress(1000, ["nll"], stream)
    progress.update(110, "fit")
    values = {"critic/loss": [0.25, 0.5], "gradient_norm": [3.0], "nll": [16.25]}
    progress.note({name: np.array(value) for name, value in values.items()})
    progress.bar.refresh()
    text = shown()
    assert "fit: " in text and "110/1000" in text and "step/s" in text
    assert "critic/loss=0.375" in text and "nll=16.25" in text and "gradient" not in text
    progress.update(1000, "fit")
    progress.say("evaluating ...")
    assert shown().endswith("\r\x1b[Kevaluating ...")
    progress.clear()
    assert shown() == "\r\x1b[K"


def test_of_many_losses_the_first_few_are_shown(terminal):
    stream, _ = terminal
    progress = Progress(10, (), stream)
    progress.note({f"rival{number}/loss": np.array([1.0]) for number in range(22)})
    assert len(progress.metrics) == Progress.SHOWN


@pytest.mark.parametrize(("columns", "kept"), [(20, 19), (0, 99)])
def test_a_line_is_cut_at_the_terminal_s_width(terminal, columns, kept):
    """A hundred columns are used on terminals that do not report their width."""
    stream, shown = terminal
    termios.tcsetwinsize(stream.fileno(), (5, columns))
    Progress(10, (), stream).say("x" * 150)
    assert shown() == "\r\x1b[K" + "x" * kept


def shown_in(path, monkeypatch, pause):
    """What a file has of a short run."""
    monkeypatch.setattr(Progress, "PAUSE", pause)
    with path.open("w") as stream:
        progress = Progress(10, ("loss",), stream)
        progress.say("compiling")
        progress.note({"loss": np.array([1.5])})
        progress.update(1, "fit")
        progress.update(10, "fit")
        progress.clear()
    return path.read_text().splitlines()


def test_of_short_work_a_file_has_nothing(tmp_path, monkeypatch):
    assert shown_in(tmp_path / "stderr", monkeypatch, Progress.PAUSE) == []


def test_of_long_work_a_file_has_lines_with_steps_rate_time_left_and_what_is_watched(tmp_path, monkeypatch):
    compiling, first, last = shown_in(tmp_path / "stderr", monkeypatch, 0)
    assert compiling == "compiling"
    assert first.startswith("fit:  10% 1/10 [") and first.endswith("?step/s, loss=1.5]")
    assert last.startswith("fit: 100% 10/10 [") and "step/s, loss=1.5]" in last and "<00:00, " in last


def test_a_killed_evaluation_s_line_does_not_stand_twice(tmp_path):
    import json

    from deeplearn.train.logs import MetricsLog

    lines = [{"step": 4, "stage": "a", "split": split, "values": {"loss": 1.0}} for split in ("train", "test")]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    MetricsLog(tmp_path, 4).close()
    assert [json.loads(line)["split"] for line in (tmp_path / "metrics.jsonl").open()] == ["train"]
