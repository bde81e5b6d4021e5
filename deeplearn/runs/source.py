"""Finds the experiment of a run from its config.json: its module or file, its configuration."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deeplearn.errors import UserError, brief
from deeplearn.train.checkpoints import read_json
from deeplearn.train.config import Config, fields, is_of
from deeplearn.train.experiment import Build


def read_config(directory: Path) -> dict[str, Any]:
    """The contents of a run's config.json; UserError where the directory holds no run."""
    if not directory.is_dir():
        raise UserError(f"there is no directory {directory}")
    if not (directory / "config.json").exists():
        raise UserError(f"{directory} is not a run directory: it has no config.json")
    saved = read_json(directory / "config.json")
    if not isinstance(saved, dict) or not isinstance(saved.get("config"), dict) or "experiment" not in saved:
        raise UserError(f"{directory / 'config.json'} does not describe a run")
    return saved


def experiment(saved: Mapping[str, Any], directory: Path) -> tuple[Config, Build]:
    """The configuration of a run and the `build` of its experiment, from what `read_config` returned."""
    module = _module(saved, directory)
    found = []
    for role, name in (
        ("configuration", saved.get("config_class", "Config")),
        ("build", saved.get("build", "build")),
    ):
        if (one := getattr(module, name, None)) is None:
            raise UserError(f"{module.__name__}, by which {directory} was trained, has no {role} called {name} now")
        found.append(one)
    config_class, build = found
    known = {field.name: field for field in fields(config_class)}
    values = {name: tuple(x) if isinstance(x, list) else x for name, x in saved["config"].items() if name in known}
    for name, value in values.items():
        if not is_of(value, known[name].hint):
            raise UserError(
                f"{directory / 'config.json'} gives {name}={value!r}, but the experiment now wants "
                f"{known[name].kind}: put back the program that trained it"
            )
    return config_class(**values), build


def _module(saved: Mapping[str, Any], directory: Path) -> types.ModuleType:
    if "module" in saved:
        name = saved["module"]
        place = f"the module {name}"
    elif "file" in saved:
        name = place = saved["file"]
    else:
        raise UserError(
            f"{directory / 'config.json'} is of an older version and does not say which module trained the run: "
            f'add "module": "…" to it, the one that defines {saved["experiment"]}'
        )
    try:
        return importlib.import_module(name) if "module" in saved else _of_file(Path(name))
    except UserError:
        raise
    except ModuleNotFoundError as error:
        raise UserError(
            f"{place}, by which {directory} was trained, cannot be imported ({error}): start Python where it can be"
        ) from None
    except Exception as error:
        reason = f"{type(error).__name__}: {brief(error)}"
        raise UserError(f"{place}, by which {directory} was trained, cannot be imported ({reason})") from error


def _of_file(path: Path) -> types.ModuleType:
    """The module in a user's own file. It is executed once: two runs of the same file have the same classes."""
    if not path.is_file():
        raise UserError(f"the program {path}, by which the run was trained, is gone: put it back")
    stamp = hashlib.sha256(str(path).encode() + path.read_bytes()).hexdigest()[:16]
    name = f"{path.stem}_{stamp}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UserError(f"the program {path}, by which the run was trained, is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    sys.path.insert(0, str(path.parent))  # as when it runs as a program: it can import its neighbours
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    finally:
        sys.path.remove(str(path.parent))
    return module
