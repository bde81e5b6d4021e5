"""Parses the command line to a `Config`: one clear sentence for every mistake."""

from __future__ import annotations

import dataclasses
import difflib
import re
import textwrap
import typing
from collections.abc import Sequence
from typing import Any

from absl import flags

from deeplearn.data.names import absolute
from deeplearn.errors import UserError
from deeplearn.train.config import Config, Field, fields, wrong


def _define(values: flags.FlagValues, field: Field) -> None:
    shared: dict[str, Any] = {
        "name": field.name,
        "default": field.default,
        "help": field.metadata["help"],
        "flag_values": values,
    }
    if typing.get_args(field.hint):
        shared["default"] = [str(item) for item in field.default]
        flags.DEFINE_list(**shared)
    elif field.metadata["choices"]:
        flags.DEFINE_enum(**shared, enum_values=field.metadata["choices"])
    elif field.hint is bool:
        flags.DEFINE_bool(**shared)
    elif field.hint is int:
        flags.DEFINE_integer(**shared)
    elif field.hint is float:
        flags.DEFINE_float(**shared)
    else:
        flags.DEFINE_string(**shared)


def parse(config_class: type[Config], arguments: Sequence[str], about: str = "") -> Config:
    """The configuration that command-line arguments ask for; UserError for a mistake, SystemExit after --help."""
    described = fields(config_class)
    if {"--help", "-h", "-help", "--helpfull"} & set(arguments):
        print(help_text(config_class, about))
        raise SystemExit(0)
    values = flags.FlagValues()  # our own: absl's global one would keep the flags of the last experiment
    for field in described:
        _define(values, field)
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
    if values.paper and not config_class.PAPER:
        raise UserError("this experiment has no paper-size configuration: leave --paper out")
    chosen: dict[str, Any] = {}
    for field in described:
        value: Any = values[field.name].value
        if typing.get_args(field.hint):
            value = _items(field, value)
        if values[field.name].present and (should := wrong(field, value)) is not None:
            raise UserError(f"--{field.name}={_text(value)} should be {should}")
        if values.paper and not values[field.name].present:
            value = config_class.PAPER.get(field.name, value)
        chosen[field.name] = value
    chosen["dataset"] = absolute(chosen["dataset"])
    return config_class(**chosen)


def _items(field: Field, parts: Sequence[str]) -> tuple[Any, ...]:
    """The items of a flag that holds several."""
    item = typing.get_args(field.hint)[0]
    try:
        return tuple(item(part) for part in parts)
    except ValueError:
        raise UserError(f"--{field.name}={_text(parts)} should be {field.expected}") from None


def _text(value: Any) -> str:
    """A value as it is written on the command line."""
    if isinstance(value, list | tuple):
        return ",".join(map(_text, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _explain(message: str, described: Sequence[Field]) -> str:
    """absl's message about an ill-typed value, with what the flag should be."""
    match = re.search(r"--(\w+)(?:=(\S*))?", message)
    for field in described:
        if match and field.name == match[1].removeprefix("no"):
            given = f"--{match[1]}={match[2].rstrip(':')}" if match[2] is not None else f"--{match[1]}"
            return f"{given} should be {field.expected}"
    return message


def help_text(config_class: type[Config], about: str = "") -> str:
    """Every flag with its type, default and line of documentation; the experiment's own first."""
    common = {field.name for field in dataclasses.fields(Config)}
    sections: dict[str, list[str]] = {"flags of this experiment": [], "flags of every experiment": []}
    for field in fields(config_class):
        default = _text(field.default) if isinstance(field.default, tuple) else field.default
        title = "flags of every experiment" if field.name in common else "flags of this experiment"
        head = f"  --{field.name}  ({field.expected}; default {default!r})"
        sections[title] += [head, textwrap.indent(textwrap.fill(field.metadata["help"], 100), "      ")]
    parts = [about.strip()] + [f"{title}:\n" + "\n".join(lines) for title, lines in sections.items() if lines]
    return "\n\n".join(part for part in parts if part)
