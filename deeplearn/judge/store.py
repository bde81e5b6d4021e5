"""Saved judges: weights and facts of each, beside the prepared data."""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flax
import numpy as np
from absl import logging
from safetensors.numpy import load, save

from deeplearn.data import Dataset
from deeplearn.judge import temperature, train
from deeplearn.models import small_convnet


def code_version() -> str:
    """A hash of the code that makes a judge, without its comments and docstrings."""
    sha = hashlib.sha256()
    for module in (train, temperature, small_convnet):
        tree = ast.parse(inspect.getsource(module))
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
                node.body = node.body[1:]
        sha.update(ast.dump(tree).encode())
    return sha.hexdigest()[:16]


def identity(dataset: Dataset, seed: int) -> dict[str, Any]:
    """Everything that a judge depends on."""
    return {
        "dataset": dataset.name,
        "fingerprint": dataset.fingerprint(),
        "code": code_version(),
        "seed": seed,
    }


def paths(dataset: Dataset, seed: int) -> Iterator[Path]:
    """Paths where the facts of a judge (.json) may be, its weights (.safetensors) beside them; the preferred one
    first.

    In judges/ beside the prepared data; or, for data that have no directory or one that cannot be written, in the
    user's cache.
    """
    text = json.dumps(identity(dataset, seed), sort_keys=True)
    name = re.sub(r"[^\w.@-]+", "_", dataset.name)[-60:]
    file = f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"
    if dataset.directory is not None:
        yield dataset.directory / "judges" / file
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    yield cache / "deeplearn" / "judges" / file


def read(path: Path) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """(variables, facts) of a judge; None where there is none, or, with a warning, where it is damaged."""
    if not path.exists():
        return None
    try:
        facts = json.loads(path.read_text())
        content = path.with_suffix(".safetensors").read_bytes()
        if hashlib.sha256(content).hexdigest() != facts["sha256"]:
            raise ValueError("the weights are not those that were written")
        return flax.traverse_util.unflatten_dict(load(content), sep="/"), facts
    except (OSError, ValueError, KeyError, TypeError) as error:
        logging.warning("the judge of samples in %s is damaged (%s): it is trained again", path, error)
        return None


def write(path: Path, variables: dict[str, Any], facts: dict[str, Any]) -> None:
    """Writes the weights, then the facts, which hold the weights' hash: a judge is complete once both are there.

    Raises OSError where the path cannot be written. The caller holds the lock.
    """
    flat = flax.traverse_util.flatten_dict(dict(variables), sep="/")
    content = save({name: np.ascontiguousarray(value) for name, value in flat.items()})
    facts = {**facts, "sha256": hashlib.sha256(content).hexdigest()}
    path.parent.mkdir(parents=True, exist_ok=True)
    for target, data in (
        (path.with_suffix(".safetensors"), content),
        (path, (json.dumps(facts, indent=2) + "\n").encode()),
    ):
        unfinished = target.with_name(f".{target.name}.unfinished")
        unfinished.write_bytes(data)
        os.replace(unfinished, target)
