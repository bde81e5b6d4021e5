"""How programs end."""

import errno
import os
import signal
import subprocess
import sys

import pytest

from deeplearn import terminal
from deeplearn.command import exit_code
from deeplearn.errors import UserError
from deeplearn.interruption import Stopped


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (UserError("no such flag"), 2, "error: no such flag\n"),
        (Stopped(signal.SIGTERM, "stopped at step 3"), 143, "stopped at step 3\n"),
        (KeyboardInterrupt(), 130, "interrupted: the same command resumes from the last checkpoint\n"),
        (SystemExit(0), 0, ""),
        (MemoryError(), 2, "a smaller --batch_size"),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes"), 2, "a smaller --batch_size"),
        (OSError(errno.ENOSPC, "No space left on device", "/x/y"), 2, "error: cannot use /x/y (No space left"),
        (RuntimeError("write() failed: No space left on device (28)"), 2, "error: a disk is full (write() failed"),
        (ZeroDivisionError("division by zero"), 1, "error: ZeroDivisionError: division by zero (unexpected; its"),
    ],
)
def test_an_end_is_a_code_and_a_sentence(error, code, sentence, capsys, tmp_path):
    def main(_):
        raise error

    assert exit_code(main, [], lambda: tmp_path / "errors.log") == code
    said = capsys.readouterr().err
    assert sentence in said and said.count("\n") == bool(sentence)
    assert (tmp_path / "errors.log").exists() == (code == 1)


def test_a_program_that_fails_while_it_is_imported_ends_in_a_sentence():
    program = subprocess.Popen(
        [sys.executable, "-m", "deeplearn.runs", "--help"],
        env={**os.environ, "JAX_NUM_CPU_DEVICES": "many"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    _, said = program.communicate()
    assert program.returncode == 1 and said.count("\n") == 1 and "jax_num_cpu_devices" in said


def test_a_page_may_exit_with_a_sentence(capsys):
    def main(_):
        raise SystemExit("no licence")

    assert exit_code(main, []) == 1 and capsys.readouterr().err == "no licence\n"


def printed(descriptor, monkeypatch):
    """The exit code of a program whose standard output is this descriptor."""
    monkeypatch.setattr(terminal, "PROBLEMS", {})
    with open(descriptor, "w", encoding="ascii", closefd=False) as stream:
        monkeypatch.setattr("sys.stdout", terminal.safe("stdout", stream))
        return exit_code(lambda _: print("±" * 10_000), [])


def test_output_that_does_not_arrive_is_told(monkeypatch, capsys):
    with open("/dev/full", "wb") as full:
        assert printed(full.fileno(), monkeypatch) == 2
    assert capsys.readouterr().err == "error: cannot write standard output (No space left on device)\n"


def test_a_reader_who_has_seen_enough_is_no_mistake(monkeypatch, capsys):
    reader, writer = os.pipe()
    os.close(reader)
    assert printed(writer, monkeypatch) == 0
    os.close(writer)
    assert capsys.readouterr().err == ""


def test_a_terminal_without_a_character_shows_another(monkeypatch, tmp_path):
    with (tmp_path / "out").open("wb") as file:
        assert printed(file.fileno(), monkeypatch) == 0
    assert (tmp_path / "out").read_text() == "?" * 10_000 + "\n"
