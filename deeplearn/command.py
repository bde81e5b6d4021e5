"""Programs: the parser of a command's flags, and how every program ends."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from deeplearn.errors import UserError, foreign, new_log, unexpected
from deeplearn.interruption import INTERRUPTION, Stopped, end
from deeplearn.terminal import guard, problem


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (--help lists the flags)")


def parser(module: str, description: str | None) -> argparse.ArgumentParser:
    """Flags of `python -m module`, described by its docstring; a wrong one is a UserError."""
    formatter = argparse.RawDescriptionHelpFormatter
    return _Parser(f"python -m {module}", description=description, formatter_class=formatter, allow_abbrev=False)


def exit_code(
    main: Callable[[Sequence[str]], object], arguments: Sequence[str], errors: Callable[[], Path] = new_log
) -> int:
    """Runs a program to its end, which is one sentence on standard error wherever it is not 0.

    2 after a mistake that the user can correct, 1 after what nobody expected (`errors` says to which file its
    traceback goes), 128 + signal after a wish to stop.
    """
    try:
        with INTERRUPTION.main(), INTERRUPTION.handled():
            main(arguments)
        code, sentence = 0, ""
    except SystemExit as exit_:  # after --help, or of a page or library, perhaps with a sentence
        code, sentence = (
            (exit_.code, "") if isinstance(exit_.code, int) else (int(bool(exit_.code)), str(exit_.code or ""))
        )
    except UserError as error:
        code, sentence = 2, f"error: {error}"
    except (Stopped, KeyboardInterrupt) as error:
        code = 128 + error.signal if isinstance(error, Stopped) else 130
        sentence = str(error) or "interrupted: the same command resumes from the last checkpoint"
        INTERRUPTION.apart = False  # hosts stop together
    except Exception as error:
        if known := foreign(error):
            code, sentence = 2, f"error: {known}"
        else:
            code, sentence = 1, f"error: {unexpected(error, errors())}"
    if (lost := problem()) and not code:
        code, sentence = 2, f"error: cannot write standard output ({lost.strerror})"
    if sentence:
        print(" ".join(sentence.splitlines()), file=sys.stderr, flush=True)  # a name in it may hold a newline
        INTERRUPTION.said()
    return code


def last_words(_: Any, error: BaseException, __: Any) -> None:
    """What a program says that fails before `execute`, while it is imported: `sys.excepthook`."""
    print(f"error: {foreign(error) or unexpected(error, new_log())}", file=sys.stderr)


def execute(
    main: Callable[[Sequence[str]], object], arguments: Sequence[str], errors: Callable[[], Path] = new_log
) -> None:
    """Runs the program of this process and ends the process, unless all went well."""
    guard()
    INTERRUPTION.begin()
    code = exit_code(main, arguments, errors)
    gc.freeze()  # at its end Python would search all objects of JAX for cycles: seconds on a busy machine
    # At its end JAX would wait for other hosts, which wait for this one; and after a stop XLA may still compile in
    # its threads, which do not survive the end of Python.
    if INTERRUPTION.apart or (code > 128 and not INTERRUPTION.several):
        sys.stdout.flush()
        sys.stderr.flush()
        end(code)
    if code:
        sys.exit(code)
