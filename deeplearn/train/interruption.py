"""Ctrl-C and SIGTERM: a wish that the loop looks at, and how a stopped run ends."""

from __future__ import annotations

import os
import signal
from typing import Any

import jax


class Stopped(Exception):
    """The run was asked to stop and has saved its state."""

    def __init__(self, number: int, step: int) -> None:
        super().__init__(f"stopped at step {step}, everything is saved: the same command resumes from there")
        self.signal = number


class Interruption:
    """Ctrl-C and SIGTERM as a request that the loop checks after every step.

    Python runs a handler between two of its own instructions, so a signal that arrives while XLA compiles waits
    for the step to end. Once everything is saved (`at_once`), it stops the evaluation immediately. A second
    Ctrl-C does not wait.
    """

    def __init__(self) -> None:
        self.wanted: int | None = None
        self.at_once: int | None = None
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Interruption:
        several = jax.process_count() > 1
        # With several processes JAX itself handles SIGTERM and finds a step at which all stop.
        for number in (signal.SIGINT,) if several else (signal.SIGINT, signal.SIGTERM):
            self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: Any) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _: Any) -> None:
        if self.at_once is not None:
            raise Stopped(number, self.at_once)
        if self.wanted is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.wanted = number
        if jax.process_count() > 1:
            os.kill(os.getpid(), signal.SIGTERM)
