"""Commands that are not experiments: the parser of their flags, and how a mistake ends."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from deeplearn.errors import UserError


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (--help lists the flags)")


def parser(module: str, description: str | None) -> argparse.ArgumentParser:
    """Flags of `python -m module`, described by its docstring; a wrong one is a UserError."""
    formatter = argparse.RawDescriptionHelpFormatter
    return _Parser(f"python -m {module}", description=description, formatter_class=formatter, allow_abbrev=False)


def exit_code(main: Callable[[Sequence[str]], object], arguments: Sequence[str]) -> int:
    """Runs the command: 0, or 2 after a user's mistake, with one sentence on standard error."""
    try:
        main(arguments)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0
