"""`python -m experiments`: every experiment with its one-line description."""

from __future__ import annotations

import ast
import difflib
import pkgutil
import sys
from collections.abc import Sequence
from pathlib import Path

import experiments
from deeplearn.command import execute
from deeplearn.errors import UserError


def listing() -> dict[str, str]:
    """{module: first line of its docstring}, read without importing anything."""
    lines = {}
    for module in pkgutil.walk_packages(experiments.__path__, "experiments."):
        if module.ispkg or module.name.endswith("__main__"):
            continue
        file = Path(experiments.__path__[0]).parent / (module.name.replace(".", "/") + ".py")
        lines[module.name] = (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").partition("\n")[
            0
        ]
    return lines


def main(arguments: Sequence[str]) -> None:
    """The command; UserError for anything but --help."""
    if [word for word in arguments if word not in ("-h", "--help")]:
        close = difflib.get_close_matches(f"experiments.{arguments[0]}", listing(), n=1)
        near = f"; did you mean python -m {close[0]}?" if close else ""
        raise UserError(f"unexpected argument {arguments[0]!r}: python -m experiments lists what there is{near}")
    found = listing()
    width = max(map(len, found))
    for name, line in found.items():
        print(f"python -m {name.ljust(width)}  {line}")
    print("\nadd --help to any of them for its flags")


if __name__ == "__main__":
    execute(main, sys.argv[1:])
