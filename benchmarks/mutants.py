"""Do the tests see small changes? A sample of mutants of each file, those that pass, and their share.

    python -m benchmarks.mutants deeplearn/losses deeplearn/nn/conv.py --each=4 --seed=0

A mutant is the source with one change of `changes`. It lives in memory only: a process forked from one that has JAX
but nothing of ours imports the changed module in place of the file, and runs the tests that import it until the
first fails. What no test noticed is printed; whether it matters is for a person to say. Not part of `make bench`.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib.util
import os
import random
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from tests.test_imports import KNOWN, ROOT, imported

# Imported once, for all mutants; the first sets the environment of the tests, before there is JAX.
ONCE = ("tests.conftest", "flax.linen", "optax", "scipy.stats", "sklearn")

OPERATORS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult}
OPERATORS |= {ast.Pow: ast.Mult, ast.Mod: ast.FloorDiv, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd}
COMPARISONS: dict[type, list[type[ast.cmpop]]] = {ast.Lt: [ast.Gt, ast.LtE], ast.Gt: [ast.Lt, ast.GtE]}
COMPARISONS |= {ast.LtE: [ast.GtE, ast.Lt], ast.GtE: [ast.LtE, ast.Gt], ast.Eq: [ast.NotEq], ast.NotEq: [ast.Eq]}
COMPARISONS |= {ast.In: [ast.NotIn], ast.NotIn: [ast.In], ast.Is: [ast.IsNot], ast.IsNot: [ast.Is]}
PAIRS = ["min max", "minimum maximum", "mean sum", "argmin argmax", "any all", "zeros ones", "floor ceil"]
PAIRS += ["log log1p", "exp expm1", "sin cos", "logsumexp max", "zeros_like ones_like", "cumsum cumprod"]
NAMES = {one: other for pair in map(str.split, PAIRS) for one, other in (pair, pair[::-1])}
SYMMETRIC = {"min", "max", "minimum", "maximum", "add", "multiply", "logaddexp"}
WRAPPERS = {"stop_gradient", "square", "sqrt", "abs", "log", "exp", "softplus", "sigmoid", "tanh", "sorted"}


def _with(node: ast.AST, **fields: Any) -> Any:
    changed = copy.copy(node)
    vars(changed).update(fields)
    return changed


def changes(node: ast.AST) -> Iterator[ast.AST]:
    """What may stand in the node's place: each is one small mistake."""
    match node:
        case ast.BinOp(left, op, right):
            if type(op) in OPERATORS:
                yield _with(node, op=OPERATORS[type(op)]())
            if isinstance(op, ast.Sub | ast.Div | ast.Pow | ast.MatMult):
                yield _with(node, left=right, right=left)
        case ast.Constant(bool(value)):
            yield _with(node, value=not value)
        case ast.Constant(int(value)):
            yield _with(node, value=value + 1)
        case ast.Constant(float(value)):
            yield _with(node, value=value * 1.27 or 0.27)
        case ast.Compare(ops=[op]):
            yield from (_with(node, ops=[other()]) for other in COMPARISONS[type(op)])
        case ast.BoolOp(op):
            yield _with(node, op=ast.Or() if isinstance(op, ast.And) else ast.And())
        case ast.UnaryOp(ast.USub() | ast.Not(), operand):
            yield operand
        case ast.IfExp(body=body, orelse=orelse):
            yield _with(node, body=orelse, orelse=body)
        case ast.If(test=test):
            yield _with(node, test=ast.UnaryOp(ast.Not(), test))
        case ast.Call(function, args, keywords):
            name = getattr(function, "attr", getattr(function, "id", ""))
            if name in NAMES:
                field = "attr" if isinstance(function, ast.Attribute) else "id"
                yield _with(node, func=_with(function, **{field: NAMES[name]}))
            if name in WRAPPERS and len(args) == 1:
                yield args[0]
            spread = any(isinstance(one, ast.Starred) for one in args[:2])
            if len(args) > 1 and not spread and name not in SYMMETRIC:
                yield _with(node, args=[args[1], args[0], *args[2:]])
            for dropped in keywords:
                yield _with(node, keywords=[one for one in keywords if one is not dropped])


def mutants(parent: ast.AST) -> Iterator[tuple[Any, ast.AST, Callable[[ast.AST], None]]]:
    """(old, new, put) for each change below a node: `put(new)` makes the mutant, `put(old)` the tree as it was."""
    for field, value in ast.iter_fields(parent):
        if field in ("annotation", "returns"):  # not evaluated
            continue
        for at, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(child, ast.AST) or _refuses(child):
                continue
            put = partial(setattr, parent, field) if at is None else partial(value.__setitem__, at)
            for new in changes(child):
                yield child, ast.fix_missing_locations(ast.copy_location(new, child)), put
            yield from mutants(child)


def _refuses(node: ast.AST) -> bool:
    """What is refused, and in which words, is no number."""
    called = ast.unparse(node.func).split(".")[-1] if isinstance(node, ast.Call) else ""
    return isinstance(node, ast.Raise | ast.Assert | ast.JoinedStr) or called.startswith("assert_")


class _Changed(SourceFileLoader):
    """Imports one module from code in memory."""

    def __init__(self, name: str, code: CodeType) -> None:
        super().__init__(name, str(KNOWN[name]))
        self.code = code

    def get_code(self, fullname: str) -> CodeType:
        return self.code

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        return importlib.util.spec_from_file_location(name, self.path, loader=self) if name == self.name else None


def tests_of(module: str) -> list[Path]:
    """The test files that import a module, its own room's first; whole experiments are left out."""
    files = [file for file in sorted(ROOT.glob("tests/**/test_*.py")) if file.parent.name != "experiments"]
    found = [file for file in files if module in imported(f"tests.{file.stem}", file, KNOWN)]
    room, name = module.split(".")[-2:]
    return sorted(found, key=lambda file: (file.stem != f"test_{name}", file.parent.name != room))


def run(module: str, code: CodeType, tests: list[Path], limit: int) -> tuple[int, float]:
    """(pytest's exit code, seconds) with the code in place of the module's, in a process of its own."""
    begun = time.monotonic()
    if not (child := os.fork()):
        signal.alarm(limit)  # ends the process
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1), os.dup2(quiet, 2)
        sys.meta_path.insert(0, _Changed(module, code))
        try:
            os._exit(pytest.main(["-x", "-q", "-m", "not slow", *map(str, tests)]))
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), time.monotonic() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="+", type=Path, help="files, or folders of files, of the library")
    parser.add_argument("--each", type=int, default=4, help="mutants of each file")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    for name in ONCE:
        importlib.import_module(name)
    warnings.simplefilter("ignore")  # of forks
    names = {file: name for name, file in KNOWN.items()}
    tried = noticed = 0
    for file in (file for path in given.paths for file in (sorted(path.rglob("*.py")) or [path])):
        module, tree = names[file.resolve()], ast.parse(file.read_text())
        sample = list(mutants(tree))
        sample = random.Random(f"{given.seed} {module}").sample(sample, min(given.each, len(sample)))
        tests = tests_of(module)
        if not sample or not tests:
            continue
        result, seconds = run(module, compile(tree, file, "exec"), tests, 600)
        if result:
            raise SystemExit(f"{file}: its tests do not pass as it is")
        for old, new, put in sample:
            put(new)
            code = compile(tree, file, "exec")
            put(old)
            result, _ = run(module, code, tests, 60 + 5 * int(seconds))
            tried, noticed = tried + 1, noticed + bool(result)
            if not result:
                was, now = (ast.unparse(node).splitlines()[0] for node in (old, new))
                print(f"{file}:{old.lineno}: {was}  ->  {now}", flush=True)
        print(f"{file}: {noticed} of {tried} noticed so far ({seconds:.0f} s a run)", flush=True)


if __name__ == "__main__":
    main()
