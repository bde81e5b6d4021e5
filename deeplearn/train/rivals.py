"""Systems that are compared: trained side by side under one root, with the same budget and data."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import flax.linen as nn
from flax.core import FrozenDict

from deeplearn.errors import UserError
from deeplearn.measured import OURS, Measured
from deeplearn.train.experiment import Batch, Experiment, Metrics, Stage, Turn, nothing

if TYPE_CHECKING:
    from deeplearn.data import Dataset
    from deeplearn.train.trained import Trained


@dataclasses.dataclass(frozen=True)
class Rival:
    """A whole system: its model, stages and metrics, declared as in an experiment of its own.

    Its losses and `evaluate` see its own module and weights, so they also serve an experiment of its own.
    validate: as `Experiment.validate`; the names of its metrics begin with the rival's name.
    facts: what distinguishes it from the others (a weight, a size), at `trained.facts`.
    row: the title of its row in tables (empty: its name).
    """

    model: nn.Module
    stages: Sequence[Stage]
    evaluate: Callable[[Trained, Dataset], Mapping[str, Measured]] = nothing
    validate: Callable[[Any, Batch], Metrics] | None = None
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    row: str = ""


@dataclasses.dataclass(frozen=True)
class _Declared:
    """A module as it was declared. Not a Flax module itself, or Flax would name its variables after this field."""

    module: nn.Module


class Rivals(nn.Module):
    """A root that holds a module for each name, an identifier: it is the key of the module's variables."""

    systems: Mapping[str, _Declared]

    def __post_init__(self) -> None:
        # A model is a constant of compiled functions, so it must be hashable.
        self.systems = FrozenDict(self.systems)
        super().__post_init__()

    def setup(self) -> None:
        for name, system in self.systems.items():
            setattr(self, name, system.module.clone())


def side_by_side(rivals: Mapping[str, Rival], *, data: Dataset, **declared: Any) -> Experiment:
    """The experiment in which every rival trains in the same stages; the first one's row is the experiment's own.

    Stages are matched by their names, in the order in which they first appear, and must agree in steps, data,
    batch size and moving average; a rival need not have every stage. `declared`: other fields of `Experiment`.
    Unless declared, `validate` and `evaluate` are those of the rivals, with metrics of validation named
    "rival/metric". A declared `evaluate` sees all, each rival as `trained["rival"]`, and names all rows itself.
    """
    rows = [OURS, *(rival.row or name for name, rival in list(rivals.items())[1:])]
    if len(set(rows)) < len(rows):
        raise UserError(f"rivals share a row, and so would their numbers: {rows}")
    names = list(dict.fromkeys(stage.name for rival in rivals.values() for stage in rival.stages))
    validated = {name: rival.validate for name, rival in rivals.items() if rival.validate is not None}
    if validated and "validate" not in declared:
        declared["validate"] = functools.partial(_validate_each, validated)
    declared.setdefault("evaluate", functools.partial(_evaluate_each, rivals))
    return Experiment(
        model=Rivals({name: _Declared(rival.model) for name, rival in rivals.items()}),
        stages=[_merged(title, rivals) for title in names],
        data=data,
        rivals={name: rival.facts for name, rival in rivals.items()},
        **declared,
    )


def _merged(title: str, rivals: Mapping[str, Rival]) -> Stage:
    """The stage of that name for all rivals that have it."""
    own = {name: stage for name, rival in rivals.items() for stage in rival.stages if stage.name == title}
    first_name, first = next(iter(own.items()))
    turns: list[Turn] = []
    optimizers: dict[str, Any] = {}
    for name, stage in own.items():
        for fact in ("steps", "ema", "data", "batch_size"):
            if getattr(stage, fact) is not getattr(first, fact) and getattr(stage, fact) != getattr(first, fact):
                raise UserError(f"the stage {title!r} of {name} and of {first_name} differ in {fact}")
        single = len(stage.turns) == 1
        turns += [
            dataclasses.replace(turn, of=name, called=name if single else f"{name}/{turn.name}")
            for turn in stage.turns
        ]
        chains = stage.optimizers if isinstance(stage.optimizers, Mapping) else {"": stage.optimizers}
        optimizers |= {"/".join(filter(None, (name, network))): chain for network, chain in chains.items()}
    starts = {name: stage.start for name, stage in own.items() if stage.start is not None}
    start = functools.partial(_start_each, starts) if starts else None
    return dataclasses.replace(first, turns=turns, optimizers=optimizers, start=start)


def _start_each(starts: Mapping[str, Callable[..., Any]], variables: Mapping[str, Any]) -> dict[str, Any]:
    result = {collection: dict(trees) for collection, trees in variables.items()}
    for name, start in starts.items():
        own = {collection: trees[name] for collection, trees in variables.items() if name in trees}
        for collection, tree in start(own).items():
            result[collection][name] = tree
    return result


def _validate_each(validated: Mapping[str, Callable[..., Any]], model: Any, batch: Batch) -> Metrics:
    each = {name: validate(getattr(model, name), batch) for name, validate in validated.items()}
    return {f"{name}/{metric}": value for name, metrics in each.items() for metric, value in metrics.items()}


def _evaluate_each(rivals: Mapping[str, Rival], trained: Trained, dataset: Dataset) -> dict[str, Measured]:
    rows: dict[str, Measured] = {}
    for number, (name, rival) in enumerate(rivals.items()):
        own = OURS if number == 0 else rival.row or name
        for row, measured in rival.evaluate(trained[name], dataset).items():
            rows[own if row == OURS else row if number == 0 else f"{own}, {row}"] = measured
    return rows
