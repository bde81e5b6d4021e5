"""`python -m experiments`: every experiment with its one-line description."""

from __future__ import annotations

import ast
import pkgutil
from pathlib import Path

import experiments


def listing() -> dict[str, str]:
    """{module: first line of its docstring}, read without importing anything."""
    lines = {}
    for module in pkgutil.walk_packages(experiments.__path__, "experiments."):
        if module.ispkg or module.name.endswith("__main__"):
            continue
        file = Path(experiments.__path__[0]).parent / (module.name.replace(".", "/") + ".py")
        lines[module.name] = (ast.get_docstring(ast.parse(file.read_text())) or "").partition("\n")[0]
    return lines


if __name__ == "__main__":
    found = listing()
    width = max(map(len, found))
    for name, line in found.items():
        print(f"python -m {name.ljust(width)}  {line}")
    print("\nadd --help to any of them for its flags")
