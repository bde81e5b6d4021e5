"""A user's text file, read as a whole: every complaint about it names file and line."""

import codecs
from pathlib import Path

from deeplearn.data.files import located
from deeplearn.errors import UserError, reason

LIMIT = 2**30  # bytes of a file: its tokens are held in memory


def read(path: str, kind: str) -> tuple[Path, str]:
    r"""(the file, its text): UTF-8 without a byte order mark, with \n at the end of every line.

    kind: what stands before the colon, as in "csv:PATH". UserError where it is no such file, or has no text.
    """
    file = located(path, "file", f"check the path after {kind}:")
    try:
        if (size := file.stat().st_size) > LIMIT:
            raise UserError(f"{file} has {size:,} bytes, more than {LIMIT:,}: cut it into smaller files.")
        raw = file.read_bytes().removeprefix(codecs.BOM_UTF8)
    except OSError as error:
        raise UserError(f"{file} cannot be read ({reason(error)}): check the path after {kind}:.") from None
    raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    try:
        text, zero = raw.decode(), raw.find(b"\0")
    except UnicodeDecodeError as error:
        raise UserError(
            f"line {_line(raw, error.start)} of {file} is not UTF-8 (byte {raw[error.start]:#04x}): save it so."
        ) from None
    if zero >= 0:
        raise UserError(f"line {_line(raw, zero)} of {file} holds a zero byte, so it is no text: save it in UTF-8.")
    if not text.strip():
        raise UserError(f"{file} is empty: write something into it, or name another file.")
    return file, text


def lines(text: str) -> list[str]:
    """The lines of a text, without empty ones at its end: line number n is the n-th of them, from 1."""
    found = text.split("\n")
    while not found[-1].strip():
        found.pop()
    return found


def _line(raw: bytes, place: int) -> int:
    return raw.count(b"\n", 0, place) + 1
