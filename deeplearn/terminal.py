"""Standard output and standard error that never end a program: closed, full, gone, or unable to show a ±."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import Any

PROBLEMS: dict[str, OSError] = {}  # what went wrong, by stream


class Patient(io.FileIO):
    """A standard stream that notes the first error and drops what it cannot write."""

    def __init__(self, name: str, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self.stream = name

    def write(self, data: Any, /) -> Any:
        try:
            return super().write(data)
        except OSError as error:
            PROBLEMS.setdefault(self.stream, error)
            return memoryview(data).nbytes


def guard() -> None:
    """Makes both streams safe, if they are still those that Python opened: a notebook or a test has its own."""
    for _ in range(3):  # the next file that somebody opens must not be taken for a standard stream
        descriptor = os.open(os.devnull, os.O_RDWR)
        if descriptor > 2:
            os.close(descriptor)
            break
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started this program
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
        elif stream is getattr(sys, f"__{name}__"):
            with contextlib.suppress(OSError):
                stream.flush()
            setattr(sys, name, safe(name, stream))


def safe(name: str, stream: Any) -> io.TextIOWrapper:
    """A stream to where another writes: what it cannot write is dropped, what it cannot show is a question mark."""
    binary = io.BufferedWriter(Patient(name, stream.fileno()))
    return io.TextIOWrapper(binary, stream.encoding, "replace", None, stream.line_buffering, stream.write_through)


def problem() -> OSError | None:
    """Why something printed did not arrive; None if all did, or if its reader has seen enough (`| head`)."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    error = PROBLEMS.get("stdout")
    return None if isinstance(error, BrokenPipeError) else error
