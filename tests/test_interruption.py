"""Ctrl-C and SIGTERM: what the handler does, and a program that still imports."""

import os
import signal
import subprocess
import sys

import pytest

from deeplearn.interruption import Interruption, Stopped, asked_to_run
from deeplearn.train.evaluation import LeftOut


def ask(number=signal.SIGINT):
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_where_nothing_is_unsaved_it_is_obeyed_at_once(number, tmp_path):
    with Interruption().handled(), pytest.raises(Stopped) as caught:
        LeftOut(print, tmp_path / "errors.log").attempt("a baseline", lambda: ask(number))
    assert caught.value.signal == number and not (tmp_path / "errors.log").exists()


def test_while_steps_are_unsaved_the_loop_is_asked_and_a_second_ctrl_c_does_not_wait():
    interruption = Interruption()
    with interruption.handled():
        interruption.saving = True
        ask(signal.SIGTERM)
        assert interruption.wanted == signal.SIGTERM
        ask(signal.SIGTERM)  # clusters repeat it
        with pytest.raises(KeyboardInterrupt):
            ask(signal.SIGINT)
        with pytest.raises(Stopped, match="stopped at step 7, everything is saved"):
            interruption.saved(7)


def test_the_next_run_of_a_notebook_begins_anew():
    interruption = Interruption()
    with interruption.handled():
        interruption.saved(7)
    with interruption.handled(), pytest.raises(Stopped, match="the same command starts again"):
        ask()


def test_the_handlers_before_are_put_back():
    before = signal.getsignal(signal.SIGINT)
    with Interruption().handled():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before


def test_only_a_program_of_ours_is_handled_while_it_imports(monkeypatch):
    monkeypatch.setattr(sys, "orig_argv", ["python", "-m", "experiments.autoencoders.vae"])
    assert not asked_to_run("experiments")  # its modules are found by now, or somebody else imports ours
    monkeypatch.setattr(sys, "argv", ["-m"])
    assert asked_to_run("experiments") and not asked_to_run("deeplearn")
    monkeypatch.setattr(sys, "orig_argv", ["python", "-mpytest"])
    assert not asked_to_run("experiments", "deeplearn")


# As when Python looks for the module that -m names.
IMPORTING = "import sys; sys.argv = ['-m']; sys.orig_argv = ['python', '-m', 'experiments.x']; import experiments; "


def program(code):
    command = [sys.executable, "-c", IMPORTING + code]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_program_that_imports_ends_with_a_sentence(number):
    process = program("print('importing', flush=True); import time; time.sleep(60)")
    assert process.stdout.readline() == "importing\n"
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 128 + number and said == "stopped: the same command starts again\n"


def test_where_the_exception_is_lost_the_process_is_ended_all_the_same():
    process = program(
        """
import time
from deeplearn.command import execute

class Loses:
    def __del__(self):
        print("ready", flush=True)
        time.sleep(60)

def main(_):
    Loses()
    time.sleep(60)

execute(main, [])
"""
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 143 and said == "stopped: the same command starts again\n"
