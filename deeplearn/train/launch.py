"""The `main` of an experiment module: from the command line to a run, with one clear sentence for every mistake."""

from __future__ import annotations

import contextlib
import os
import sys
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import jax

from deeplearn.command import execute
from deeplearn.data import Dataset
from deeplearn.errors import new_log
from deeplearn.train.config import Config
from deeplearn.train.experiment import Experiment
from deeplearn.train.flags import parse
from deeplearn.train.loop import run, workdir
from deeplearn.train.plan import plan


def experiment_name(module: types.ModuleType) -> str:
    """autoencoders.vae for experiments/autoencoders/vae.py, also when it runs as __main__."""
    spec = getattr(module, "__spec__", None)
    name = spec.name if spec else Path(getattr(module, "__file__", None) or "experiment").stem
    return name.removeprefix("experiments.")


def source(module: types.ModuleType, config_class: type[Config], build: Callable[..., Any]) -> dict[str, str]:
    """Where an experiment is found again, for config.json.

    {"module": name}, or {"file": path} of a user's own program, and the names of its `Config` and `build` there.
    """
    spec = getattr(module, "__spec__", None)
    place = {"module": spec.name} if spec else {"file": str(Path(module.__file__ or "").resolve())}
    return {**place, "config_class": config_class.__qualname__, "build": build.__qualname__}


def use_compilation_cache() -> None:
    """Keeps compiled programs between runs, so that a second start takes its first step at once."""
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        jax.config.update("jax_compilation_cache_dir", str(home / "deeplearn" / "jax"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)


Chosen = TypeVar("Chosen", bound=Config)


def launch(config_class: type[Chosen], build: Callable[[Chosen, Dataset], Experiment]) -> None:
    """Parses the flags of an experiment module, loads the data, trains, reports.

    `build(config, dataset)` returns the `Experiment`. Returns when the run is finished; else the process ends with
    2 after a mistake that the user can correct, 1 after an unexpected error, 128 + signal after a signal to stop
    (the same command resumes).
    """
    module = sys.modules[build.__module__]
    name = experiment_name(module)
    config: Any = None

    def main(arguments: Sequence[str]) -> None:
        nonlocal config
        config = parse(config_class, arguments, module.__doc__ or "")
        if config.plan:
            print(plan(name, build, config))
            return
        use_compilation_cache()
        run(name, build, config, source(module, config_class, build))

    def errors() -> Path:
        directory = workdir(name, config) if config is not None else Path("")
        # A directory that holds no run stays untouched.
        with contextlib.suppress(OSError):
            if (directory / "config.json").exists():
                return directory / "errors.log"
        return new_log()

    execute(main, sys.argv[1:], errors)
