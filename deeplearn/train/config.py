"""The configuration of an experiment: a dataclass whose fields are flags."""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import math
import typing
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from deeplearn.errors import UserError

LARGEST = 2**31 - 1
KINDS: dict[Any, str] = {
    int: "an integer",
    float: "a number",
    bool: "true or false",
    str: "text",
    tuple[int, ...]: "integers joined by commas",
    tuple[float, ...]: "numbers joined by commas",
    tuple[str, ...]: "words joined by commas",
}


def flag(
    default: Any,
    help: str,
    *,
    choices: Sequence[str] = (),
    min: float | None = None,
    max: float | None = None,
    identity: bool = True,
) -> Any:
    """A field of a `Config` that is a flag: its default, a line of documentation and its allowed values.

    identity=False marks flags that may differ when a run is resumed, because the numbers do not depend on them.
    """
    metadata = {"help": help, "choices": tuple(choices), "min": min, "max": max, "identity": identity}
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True)
class Config:
    """The flags that every experiment has. A subclass changes defaults and adds its own fields.

    PAPER holds the values of the paper's own experiment where it is larger than what runs in minutes; `--paper`
    uses them, except for flags given on the command line. TINY holds the smallest values that still exercise every
    line: tests that train use them. A key of either that is no field is an error when the module is imported.
    """

    PAPER: ClassVar[Mapping[str, Any]] = {}
    TINY: ClassVar[Mapping[str, Any]] = {}

    workdir: str = flag("", "directory of the run (empty: runs/<experiment>)", identity=False)
    dataset: str = flag(
        "digits",
        "a TFDS name, folder:PATH (a sub-folder of images per class), npz:PATH, text:, csv:, pairs: or conll:FILE",
    )
    data_dir: str = flag("", "where prepared data sets are kept (empty: TFDS's own directory)", identity=False)
    paper: bool = flag(False, "the sizes, data and budget of the paper instead of the small defaults")
    steps: int = flag(1000, "steps to train", min=1)
    batch_size: int = flag(128, "examples in a batch, over all devices", min=1)
    seed: int = flag(0, "seed of everything random; replica r uses seed + r", min=0)
    replicas: int = flag(1, "seeds to train in one go; results carry their standard error", min=1, max=1000)
    precision: str = flag("float32", "type in which layers compute", choices=("float32", "bfloat16"))
    accumulate: int = flag(1, "parts into which each batch is cut, their gradients averaged", min=1)
    mesh: str = flag("", "devices: data:8, or data:4,model:2 to split parameters too", identity=False)
    parallel: str = flag("jit", "how steps are compiled for the mesh", choices=("jit", "pmap"))
    coordinator: str = flag("", "host:port of process 0 when there are several, or auto", identity=False)
    num_processes: int = flag(0, "number of processes", identity=False, min=0)
    process_id: int = flag(-1, "this process's number, from 0", identity=False, min=-1)
    plan: bool = flag(False, "say what a run of this size would need, and train nothing", identity=False)
    accelerator: str = flag(
        "h100",
        "for --plan: what the days are of",
        choices=("a100", "h100", "tpu_v4", "tpu_v5e", "tpu_v5p"),
        identity=False,
    )
    log_every: int = flag(100, "steps between lines of metrics.jsonl", identity=False, min=1)
    checkpoint_every: int = flag(1000, "steps between checkpoints (and validations)", identity=False, min=1)
    sample_every: int = flag(0, "steps between sample sheets (0: ten times a run)", identity=False, min=0)

    def __init_subclass__(cls) -> None:
        # This runs before the dataclass is made: its fields are the annotations so far.
        fields = {name for base in cls.__mro__[:-1] for name in inspect.get_annotations(base)}
        for title in ("PAPER", "TINY"):
            for name in getattr(cls, title):
                if name not in fields:
                    close = difflib.get_close_matches(name, fields, n=1)
                    near = f"; did you mean {close[0]!r}?" if close else ""
                    raise TypeError(
                        f"{cls.__module__}: {title} gives {name!r}, which is not a field of its Config{near}"
                    )


def named(flag: str, names: Sequence[str], choices: Sequence[str], first: str) -> list[str]:
    """The names in a flag, with `first` moved to the front: for systems that are compared with the first.

    UserError unless `first` is among the names, all of them are choices and none occurs twice.
    """
    if first not in names or not set(names) <= set(choices) or len(set(names)) < len(names):
        raise UserError(f"--{flag} should name {first} and any others of {', '.join(choices)}, each once")
    return [first, *(name for name in names if name != first)]


class Field(NamedTuple):
    """A field of a `Config` as a flag: its name, default, type and the arguments of `flag`."""

    name: str
    default: Any
    hint: Any
    metadata: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """The type of its value, in words."""
        return " or ".join(self.metadata["choices"]) if self.metadata["choices"] else KINDS[self.hint]

    @property
    def expected(self) -> str:
        """The type and the bounds of its value, in words."""
        low, high = self.metadata["min"], self.metadata["max"]
        bounds = [f"at least {low}"] if low is not None else []
        bounds += [f"at most {high}"] if high is not None else []
        return self.kind + (", " + " and ".join(bounds) if bounds else "")


def fields(config_class: type[Config]) -> list[Field]:
    """Each field of the class; one with only a new default keeps the base's description. UserError for a bad
    field."""
    hints = typing.get_type_hints(config_class)
    if inspect.get_annotations(config_class) and "__dataclass_fields__" not in vars(config_class):
        raise UserError(
            f"{config_class.__module__}.{config_class.__name__} is no dataclass: write "
            "@dataclasses.dataclass(frozen=True) above it"
        )
    described = []
    for field in dataclasses.fields(config_class):
        metadata = dict(field.metadata)
        for base in config_class.__mro__:
            if not metadata and dataclasses.is_dataclass(base):
                metadata = dict(next((f.metadata for f in dataclasses.fields(base) if f.name == field.name), {}))
        where = f"the field {field.name} of {config_class.__module__}.{config_class.__name__}"
        if not metadata:
            raise UserError(f"{where} has no description: write flag(default, 'what it is')")
        if hints[field.name] not in KINDS:
            kinds = ", ".join(getattr(kind, "__name__", str(kind)) for kind in (int, float, bool, str))
            raise UserError(f"{where} has the type {hints[field.name]}: use {kinds} or a tuple of one of them")
        described.append(Field(field.name, field.default, hints[field.name], metadata))
    for values, title in ((None, "default"), (config_class.PAPER, "PAPER"), (config_class.TINY, "TINY")):
        for one in described:
            value = one.default if values is None else values.get(one.name, one.default)
            if (should := wrong(one, value)) is not None:
                raise UserError(
                    f"{title} of the field {one.name} of {config_class.__module__}.{config_class.__name__} is "
                    f"{value!r}: it should be {should}"
                )
    return described


def wrong(field: Field, value: Any) -> str | None:
    """What the value of a field should be, where it is wrong: numbers are finite and within its bounds."""
    low, high, choices = field.metadata["min"], field.metadata["max"], field.metadata["choices"]
    items = value if isinstance(value, tuple) else (value,)
    if not is_of(value, field.hint) or (choices and not set(items) <= set(choices)):
        return field.expected
    numbers = [item for item in items if isinstance(item, int | float)]
    if any(isinstance(item, int) and abs(item) > LARGEST for item in numbers):
        return f"{field.expected}; no integer beyond {LARGEST}"  # they are 32 bits wide in every compiled step
    inside = all(
        math.isfinite(item) and (low is None or item >= low) and (high is None or item <= high) for item in numbers
    )
    return None if inside else field.expected


def is_of(value: Any, hint: Any) -> bool:
    """Whether a value has the type of a field, one of `KINDS`."""
    if inner := typing.get_args(hint):
        return isinstance(value, tuple) and all(is_of(item, inner[0]) for item in value)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, hint) and (hint is bool or not isinstance(value, bool))
