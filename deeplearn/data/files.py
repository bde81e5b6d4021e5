"""What a user's path names, found out without opening it: a pipe would be waited for, for ever."""

import stat
from pathlib import Path

from deeplearn.errors import UserError, reason


def is_folder(text: str) -> bool:
    """Whether a path is that of a folder, ~ expanded; False for what cannot be a path."""
    try:
        return Path(text).expanduser().is_dir()
    except (OSError, RuntimeError, ValueError):  # as in `located`
        return False


def located(text: str, kind: str, hint: str) -> Path:
    """The path of an existing "file" or "folder" (`kind`), ~ expanded; UserError with `hint` if it is none."""
    if not text:
        raise UserError(f"the path of the {kind} is missing: {hint}.")
    try:
        path = Path(text).expanduser()
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise UserError(f"there is no {kind} {path}: {hint}.") from None
    except (OSError, RuntimeError, ValueError) as error:  # not allowed, no such user's ~, too long, a zero byte
        raise UserError(f"{text[:200]!r} cannot be used as a path ({reason(error)}): {hint}.") from None
    if not (stat.S_ISDIR(mode) if kind == "folder" else stat.S_ISREG(mode)):
        raise UserError(f"{path} is not a {kind}: {hint}.")
    return path
