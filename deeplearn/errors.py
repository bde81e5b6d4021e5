"""What a user reads when something fails: one sentence, never a traceback."""

import traceback
from pathlib import Path


class UserError(Exception):
    """A mistake that the user can correct: one clear sentence that says what was wrong and what to do.

    The launcher prints the sentence and exits with code 2; a traceback never reaches the user.
    """


def brief(error: BaseException) -> str:
    """The first line of what an error says, at most 200 characters; its type where it says nothing."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:200]


def unexpected(error: BaseException, file: Path) -> str:
    """A sentence about an error that nobody expected; its traceback is appended to the file."""
    sentence = f"{type(error).__name__}: {brief(error)}"
    try:
        with file.open("a", encoding="utf-8", errors="backslashreplace") as log:
            log.write("".join(traceback.format_exception(error)) + "\n")
    except OSError as problem:
        return f"{sentence} (unexpected; its traceback cannot be written to {file}: {problem.strerror})"
    return f"{sentence} (unexpected; its traceback is in {file})"
