"""What a user asks a trained system about: a text, or the texts of a file."""

from __future__ import annotations

from pathlib import Path

from deeplearn.data.utf8 import lines, read
from deeplearn.errors import UserError

LONGEST_PATH = 4096  # characters: a longer text is no path


def asked(question: str) -> list[str]:
    """The texts that are asked about: each line of a file in UTF-8 where the question is its path, or the question.

    UserError for a text without a sign, and for what `read` says of a file.
    """
    if _is_file(question):
        return [line for line in lines(read(question, "file")[1]) if line.strip()]
    if not question.strip():
        raise UserError("the text that is asked about is empty: write something")
    return [question]


def whole(question: str) -> str:
    """The text that is asked about: the whole file where the question is its path, or the question.

    Errors as those of `asked`.
    """
    return read(question, "file")[1] if _is_file(question) else asked(question)[0]


def _is_file(question: str) -> bool:
    if "\0" in question or "\n" in question or len(question) > LONGEST_PATH:
        return False
    try:
        return Path(question).is_file()
    except OSError:  # too long for this system
        return False
