"""Silences Orbax's echoes of an error that it also raises, so that it is told once, in one sentence."""

from __future__ import annotations

import logging
import sys
from typing import Any


def silence() -> None:
    """Drops what Orbax prints besides: its log, and a traceback for each array that was being written.

    A failed save of a hundred arrays prints 400 lines: the error four times, and for each array that its closed
    event loop did not wait for.
    """
    absl = logging.getLogger("absl")
    if _not_orbax not in absl.filters:
        absl.addFilter(_not_orbax)
        sys.unraisablehook = _Hook(sys.unraisablehook)


def _not_orbax(record: logging.LogRecord) -> bool:
    return "orbax" not in record.pathname


class _Hook:
    def __init__(self, previous: Any) -> None:
        self.previous = previous

    def __call__(self, unraisable: Any) -> None:
        if str(unraisable.exc_value) != "Event loop is closed":
            self.previous(unraisable)
