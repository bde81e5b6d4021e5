"""Ctrl-C, SIGTERM and SIGHUP are obeyed from the first import to the last picture.

Nothing heavy is imported here: a program is protected before it imports JAX, which takes seconds.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

GRACE = 2.0  # seconds from a wish until the process ends, whatever it does then; unless steps are to be saved
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # the last when a terminal is closed
AT_ONCE = "stopped: the same command starts again"


class Stopped(BaseException):
    """The process was asked to stop, and what is worth keeping is saved.

    It is no Exception: what turns failures into sentences must let it pass. Nor is it a KeyboardInterrupt, which
    scikit-learn's networks take as a wish to fit no longer, and go on.
    """

    def __init__(self, number: int, sentence: str) -> None:
        super().__init__(sentence)
        self.signal = number


class Interruption:
    """What the process does about Ctrl-C and SIGTERM.

    Until the first step is taken (by several hosts: until they meet) and after the last is saved, nothing is lost:
    `Stopped` is raised at once. In between (`saving`) the wish is noted in `wanted`; the loop saves and raises. A
    second Ctrl-C does not wait.

    Python runs a handler between two of its own instructions, which is too late while XLA compiles for a minute,
    and an exception may be swallowed by whoever was called. So, in a program, a thread reads the signals too and
    ends the process where the handler does not.
    """

    def __init__(self) -> None:
        self.wanted: int | None = None
        self.saving = False
        self.sentence = AT_ONCE
        self.several = False  # hosts
        self.apart = False  # one of several, in what the others do not know of
        self._inside = False  # `main` runs; else modules are imported, or the process is ending
        self._watched = False
        self._said = False
        self._handled: dict[int, Any] = {}

    # For the loop.

    def saved(self, step: int) -> None:
        """All steps are saved: from here on a wish is obeyed at once."""
        self.saving = False
        self.sentence = stopped_at(step)
        if self.wanted is not None:
            raise Stopped(self.wanted, self.sentence)

    @contextlib.contextmanager
    def handled(self) -> Iterator[None]:
        """Handles the signals inside, where that is not done already."""
        if self._handled or threading.current_thread() is not threading.main_thread():
            yield
            return
        self.wanted, self.saving, self.sentence = None, False, AT_ONCE
        try:
            self._handled = {number: signal.signal(number, self._handle) for number in _heard()}
            yield
        finally:
            handled, self._handled = self._handled, {}
            for number, handler in handled.items():
                signal.signal(number, handler)

    def _handle(self, number: int, _: Any) -> None:
        again, self.wanted = self.wanted is not None, self.wanted or number
        if self._watched and not self._inside:
            return  # the thread ends the process
        if not self.saving:
            raise Stopped(number, self.sentence)
        if again and number == signal.SIGINT and not self._watched:  # else the thread ends the process
            raise KeyboardInterrupt

    # For commands.

    def begin(self) -> None:
        """Handles the signals until the process ends; before `main` and after it they end it at once."""
        if self._watched or threading.current_thread() is not threading.main_thread():
            return
        for number in _heard():
            self._handled[number] = signal.signal(number, self._handle)
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        os.register_at_fork(after_in_child=_forget)
        sys.unraisablehook = _quiet
        self._watched = True
        threading.Thread(target=self._watch, args=(reader,), daemon=True).start()

    @contextlib.contextmanager
    def main(self) -> Iterator[None]:
        """`main` runs inside: a wish is an exception there."""
        self._inside = True
        try:
            yield
        finally:
            self._inside = False

    def said(self) -> None:
        """The user has been told how the process ends."""
        self._said = True

    def _watch(self, reader: int) -> None:
        seen = 0
        while True:
            for number in os.read(reader, 64):
                if number not in SIGNALS:  # a page's own handler of another signal
                    continue
                seen += 1
                if not self._inside or (seen > 1 and number == signal.SIGINT):
                    self._end(number)
                elif not self.saving:
                    timer = threading.Timer(GRACE, self._end, (number,))
                    timer.daemon = True
                    timer.start()

    def _end(self, number: int) -> None:
        unsaved = self.saving and self._inside
        sentence = "interrupted: the same command resumes from the last checkpoint" if unsaved else self.sentence
        end(128 + number, "" if self._said else sentence)


def stopped_at(step: int) -> str:
    return f"stopped at step {step}, everything is saved: the same command resumes from there"


def end(code: int, sentence: str = "") -> None:
    """Ends the process now, whatever it does: also from a thread while the main one is in a library's code."""
    if sentence:
        with contextlib.suppress(OSError):
            os.write(2, f"{sentence}\n".encode("ascii", "replace"))
    os._exit(code)


def _quiet(lost: Any) -> None:
    """What Python could not raise, because it came while an object was deleted; a wish to stop is no news there."""
    if not issubclass(lost.exc_type, Stopped):
        sys.__unraisablehook__(lost)


def _forget() -> None:
    """A forked child must not tell the pipe of its parent: Ctrl-C reaches both, and would count twice."""
    signal.set_wakeup_fd(-1)
    for number in _heard():
        signal.signal(number, signal.SIG_DFL)


def _heard() -> list[signal.Signals]:
    """The signals that mean something: nohup has a closed terminal ignored."""
    return [n for n in SIGNALS if n != signal.SIGHUP or signal.getsignal(n) != signal.SIG_IGN]


def asked_to_run(*packages: str) -> bool:
    """Whether Python is about to run a module of these packages, as in `python -m experiments.autoencoders.vae`.

    Meanwhile it has "-m" in place of the program's name; who only imports a package sees another name.
    """
    words = (word.removeprefix("-m").partition(".")[0] for word in sys.orig_argv[1:])
    return sys.argv[:1] == ["-m"] and any(word in packages for word in words)


INTERRUPTION = Interruption()
