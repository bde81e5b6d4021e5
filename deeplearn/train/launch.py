"""From the command line to a run: flags from a dataclass, one clear sentence for every mistake."""

from __future__ import annotations

import dataclasses
import difflib
import os
import re
import sys
import textwrap
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from absl import flags

from deeplearn.errors import UserError


def flag(
    default: Any,
    help: str,
    *,
    choices: Sequence[str] = (),
    min: float | None = None,
    max: float | None = None,
    identity: bool = True,
) -> Any:
    """A field of a `Config` that is a flag: its default, a line of documentation and what values it may have.

    identity=False marks what may differ between a run and its resumption, because the numbers do not depend on it.
    """
    metadata = {"help": help, "choices": tuple(choices), "min": min, "max": max, "identity": identity}
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True)
class Config:
    """The flags that every experiment has. A subclass gives its own defaults and adds its own fields.

    PAPER holds the values of the paper's own experiment where it is larger than what runs in minutes; `--paper`
    takes them, but for what the command line says itself. TINY holds the least values that still exercise every
    line: what the tests that train take.
    """

    PAPER: ClassVar[Mapping[str, Any]] = {}
    TINY: ClassVar[Mapping[str, Any]] = {}

    workdir: str = flag("", "directory of the run (empty: runs/<experiment>)", identity=False)
    dataset: str = flag("digits", "a TFDS name, folder:PATH (a sub-folder of images a class) or npz:PATH")
    data_dir: str = flag("", "where prepared data sets are kept (empty: TFDS's own directory)", identity=False)
    paper: bool = flag(False, "the sizes, data and budget of the paper instead of the small defaults")
    steps: int = flag(1000, "steps to train", min=1)
    batch_size: int = flag(128, "examples in a batch, over all devices", min=1)
    seed: int = flag(0, "seed of everything random; replica r uses seed + r", min=0)
    replicas: int = flag(1, "seeds to train in one go; results carry their standard error", min=1)
    precision: str = flag("float32", "what layers compute in", choices=("float32", "bfloat16"))
    accumulate: int = flag(1, "parts into which each batch is cut, their gradients averaged", min=1)
    mesh: str = flag("", "devices: data:8, or data:4,model:2 to split parameters too", identity=False)
    parallel: str = flag("jit", "how steps are compiled for the mesh", choices=("jit", "pmap"), identity=False)
    coordinator: str = flag("", "host:port of process 0 when there are several, or auto", identity=False)
    num_processes: int = flag(0, "number of processes", identity=False, min=0)
    process_id: int = flag(-1, "this process's number, from 0", identity=False, min=-1)
    log_every: int = flag(100, "steps between lines of metrics.jsonl", identity=False, min=1)
    checkpoint_every: int = flag(1000, "steps between checkpoints (and validations)", identity=False, min=1)


def _fields(config_class: type[Config]) -> list[tuple[dataclasses.Field[Any], type, dict[str, Any]]]:
    """Each field with its type and its flag's description; a plain new default keeps the base's description."""
    hints = typing.get_type_hints(config_class)
    described = []
    for field in dataclasses.fields(config_class):
        metadata = dict(field.metadata)
        for base in config_class.__mro__:
            if not metadata and dataclasses.is_dataclass(base):
                metadata = dict(next((f.metadata for f in dataclasses.fields(base) if f.name == field.name), {}))
        if not metadata:
            raise TypeError(f"{config_class.__name__}.{field.name} needs flag(default, 'what it is')")
        described.append((field, hints[field.name], metadata))
    return described


_KINDS = {
    int: "an integer",
    float: "a number",
    bool: "true or false",
    str: "text",
    tuple[int, ...]: "integers joined by commas",
    tuple[str, ...]: "words joined by commas",
}


def _kind(hint: Any, metadata: dict[str, Any]) -> str:
    return " or ".join(metadata["choices"]) if metadata["choices"] else _KINDS[hint]


def _define(values: flags.FlagValues, field: dataclasses.Field[Any], hint: Any, metadata: dict[str, Any]) -> None:
    shared: dict[str, Any] = {
        "name": field.name,
        "default": field.default,
        "help": metadata["help"],
        "flag_values": values,
    }
    bounds = {"lower_bound": metadata["min"], "upper_bound": metadata["max"]}
    if metadata["choices"]:
        flags.DEFINE_enum(**shared, enum_values=metadata["choices"])
    elif hint is bool:
        flags.DEFINE_bool(**shared)
    elif hint is int:
        flags.DEFINE_integer(**shared, **bounds)
    elif hint is float:
        flags.DEFINE_float(**shared, **bounds)
    elif hint is str:
        flags.DEFINE_string(**shared)
    else:
        shared["default"] = [str(item) for item in field.default]  # type: ignore[union-attr]
        flags.DEFINE_list(**shared)


def parse(config_class: type[Config], arguments: Sequence[str], about: str = "") -> Config:
    """The configuration that command-line arguments ask for; UserError for a mistake, SystemExit after --help."""
    described = _fields(config_class)
    if {"--help", "-h", "-help", "--helpfull"} & set(arguments):
        print(help_text(config_class, about))
        raise SystemExit(0)
    values = flags.FlagValues()  # our own: absl's global one would remember the flags of the last experiment
    for field, hint, metadata in described:
        _define(values, field, hint, metadata)
    try:
        rest = values(["", *arguments])[1:]
    except flags.UnrecognizedFlagError as error:
        close = difflib.get_close_matches(error.flagname, list(values), n=1)
        near = f"; did you mean --{close[0]}?" if close else ""
        raise UserError(f"there is no flag --{error.flagname}{near} (--help lists them)") from None
    except flags.Error as error:
        raise UserError(_explain(str(error), described)) from None
    if rest:
        raise UserError(f"unexpected argument {rest[0]!r}: flags are written --name=value")
    chosen: dict[str, Any] = {}
    for field, hint, metadata in described:
        value: Any = values[field.name].value
        if isinstance(field.default, tuple):
            item = typing.get_args(hint)[0]
            try:
                value = tuple(item(part) for part in value)
            except ValueError:
                raise UserError(f"--{field.name}={','.join(value)} should be {_kind(hint, metadata)}") from None
        if values.paper and not values[field.name].present:
            value = config_class.PAPER.get(field.name, value)
        chosen[field.name] = value
    if values.paper and not config_class.PAPER:
        raise UserError("this experiment has no paper-size configuration: leave --paper out")
    return config_class(**chosen)


def _explain(message: str, described: list[tuple[dataclasses.Field[Any], type, dict[str, Any]]]) -> str:
    """absl's message about an ill-typed value, in terms of what the flag is."""
    match = re.search(r"--(\w+)(?:=(\S*))?", message)
    for field, hint, metadata in described:
        if match and field.name == match[1].removeprefix("no"):
            bounds = [f"at least {metadata['min']}"] if metadata["min"] is not None else []
            bounds += [f"at most {metadata['max']}"] if metadata["max"] is not None else []
            given = f"--{match[1]}={match[2].rstrip(':')}" if match[2] is not None else f"--{match[1]}"
            return f"{given} should be {_kind(hint, metadata)}{', ' + ' and '.join(bounds) if bounds else ''}"
    return message


def help_text(config_class: type[Config], about: str = "") -> str:
    """Every flag with its type, default and line of documentation; the experiment's own first."""
    common = {field.name for field in dataclasses.fields(Config)}
    sections: dict[str, list[str]] = {"flags of this experiment": [], "flags of every experiment": []}
    for field, hint, metadata in _fields(config_class):
        default = ",".join(map(str, field.default)) if isinstance(field.default, tuple) else field.default
        title = "flags of every experiment" if field.name in common else "flags of this experiment"
        head = f"  --{field.name}  ({_kind(hint, metadata)}; default {default!r})"
        sections[title] += [head, textwrap.indent(textwrap.fill(metadata["help"], 100), "      ")]
    parts = [about.strip()] + [f"{title}:\n" + "\n".join(lines) for title, lines in sections.items() if lines]
    return "\n\n".join(part for part in parts if part)


def experiment_name(module: types.ModuleType) -> str:
    """autoencoders.vae for experiments/autoencoders/vae.py, also when it runs as __main__."""
    spec = getattr(module, "__spec__", None)
    name = spec.name if spec else Path(getattr(module, "__file__", None) or "experiment").stem
    return name.removeprefix("experiments.")


def use_compilation_cache() -> None:
    """Compiled programs are kept between runs, so that a second start takes its first step at once."""
    import jax

    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        jax.config.update("jax_compilation_cache_dir", str(home / "deeplearn" / "jax"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)


def launch(config_class: type[Config], build: Callable[[Any, Any], Any]) -> None:
    """The `main` of an experiment module: parses its flags, loads the data, trains, reports.

    `build(config, dataset)` returns the `Experiment`. Exit code 0 when the run is finished, 2 after a mistake that
    the user can mend, 128 + signal when it was asked to stop (the same command goes on).
    """
    from deeplearn.train.loop import Stopped, run

    module = sys.modules[build.__module__]
    try:
        config = parse(config_class, sys.argv[1:], module.__doc__ or "")
        use_compilation_cache()
        run(experiment_name(module), build, config)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except Stopped as stop:
        print(stop, file=sys.stderr)
        sys.exit(128 + stop.signal)
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from the last checkpoint", file=sys.stderr)
        sys.exit(130)
