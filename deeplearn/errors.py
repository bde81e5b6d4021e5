"""What a user reads when something fails: one sentence, never a traceback."""

import errno
import os
import tempfile
import traceback
from pathlib import Path

PLACES = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}  # no room, no right


class UserError(Exception):
    """A mistake that the user can correct: one clear sentence that says what was wrong and what to do.

    The launcher prints the sentence and exits with code 2; a traceback never reaches the user.
    """


def brief(error: BaseException) -> str:
    """The first line of what an error says, at most 200 characters; its type where it says nothing."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:200]


def new_log() -> Path:
    """A new file for tracebacks, where there is no run directory to hold them."""
    try:
        return Path(tempfile.mkdtemp(prefix="deeplearn-")) / "errors.log"
    except OSError:  # no temporary directory can be written
        return Path("errors.log").absolute()


def reason(error: BaseException) -> str:
    """Why it failed, without the name of the file."""
    return (isinstance(error, OSError) and error.strerror) or brief(error)


def unexpected(error: BaseException, file: Path) -> str:
    """A sentence about an error that nobody expected; its traceback is appended to the file."""
    sentence = f"{type(error).__name__}: {brief(error)}"
    try:
        with file.open("a", encoding="utf-8", errors="backslashreplace") as log:
            log.write("".join(traceback.format_exception(error)) + "\n")
    except OSError as problem:
        return f"{sentence} (unexpected; its traceback cannot be written to {file}: {problem.strerror})"
    return f"{sentence} (unexpected; its traceback is in {file})"


def foreign(error: BaseException) -> str | None:
    """A sentence about an error of the machine that its user can do something about; None for any other."""
    text = str(error)
    if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in text:
        return f"out of memory ({brief(error)}): a smaller --batch_size, or --accumulate, needs less"
    if os.strerror(errno.ENOSPC) in text and not isinstance(error, OSError):  # a library of C++ met it
        return f"a disk is full ({brief(error)}): make room, or name another place"
    frames = traceback.extract_tb(error.__traceback__)
    if frames and Path(frames[-1].filename).name == "xla_bridge.py":  # where JAX looks for its devices
        asked = os.environ.get("JAX_PLATFORMS", "")
        return f"JAX finds no device (JAX_PLATFORMS={asked}, {brief(error)}): leave JAX_PLATFORMS unset, or say cpu"
    if isinstance(error, OSError) and error.errno in PLACES:
        return f"cannot use {error.filename or 'a file'} ({error.strerror}): make room there, or name another place"
    return None
