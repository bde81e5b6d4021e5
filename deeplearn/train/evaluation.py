"""What happens after the last step: measure, compare, decide, draw. Each part runs alone, so that one may fail."""

from __future__ import annotations

import dataclasses
import functools
import io
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image
from threadpoolctl import threadpool_limits

from deeplearn.errors import UserError, unexpected
from deeplearn.measured import OURS, Measured
from deeplearn.metrics.verdict import verdict
from deeplearn.train.experiment import Claim, Experiment, Report
from deeplearn.train.logs import write_atomically
from deeplearn.train.results import summary
from deeplearn.train.trained import Trained

Thing = TypeVar("Thing")


class LeftOut:
    """What failed, {what: why}; the traceback of an unexpected error goes to a file."""

    def __init__(self, say: Callable[[str], None], errors: Path) -> None:
        self.say, self.errors = say, errors
        self.reasons: dict[str, str] = {}

    def attempt(self, what: str, make: Callable[[], Thing]) -> Thing | None:
        """The result of `make`, or None and a sentence that says why it failed."""
        try:
            return make()
        except UserError as error:
            reason = str(error)
        except Exception as error:
            reason = unexpected(error, self.errors)
        self.reasons[what] = reason
        self.say(f"{what} is left out: {reason}")
        return None


def measure(
    experiment: Experiment, replicas: Sequence[Trained]
) -> tuple[dict[str, Measured], list[dict[str, Any]]]:
    """The rows of the first replica with their arrays, and of each replica {row: {metric: number}}."""
    first: dict[str, Measured] = {}
    numbers = []
    for number, trained in enumerate(replicas):
        rows = experiment.evaluate(trained, experiment.data)
        if not isinstance(rows, Mapping):
            raise UserError(f"evaluate should return {{row: Measured}}, as ours(metrics) makes it, not {rows!r}")
        rows = {row: checked(row, measured) for row, measured in rows.items()}
        first = rows if number == 0 else first
        numbers.append({row: dict(measured.metrics) for row, measured in rows.items()})
    return first, numbers


def checked(row: str, measured: Any) -> Measured:
    """What was measured, its metrics plain numbers that JSON can hold; UserError where they are not numbers."""
    if not isinstance(measured, Measured):
        raise UserError(f"the row {row!r} should be a Measured(metrics), not {measured!r}")

    def plain(name: str, value: Any) -> Any:
        if isinstance(value, Mapping) and set(value) == {"mean", "stderr"}:
            return {part: None if number is None else plain(name, number) for part, number in value.items()}
        if isinstance(value, int | float):
            return value
        try:
            return np.asarray(value, float).item()
        except (TypeError, ValueError):
            raise UserError(f"the metric {name!r} of the row {row!r} should be a number, not {value!r}") from None

    metrics = {name: plain(name, value) for name, value in measured.metrics.items()}
    return dataclasses.replace(measured, metrics=metrics)


def baselines(
    experiment: Experiment, trained: Trained, left_out: LeftOut, taken: Collection[str] = (OURS,)
) -> dict[str, Measured]:
    """The rows of other methods, those that could be had. taken: names of rows that were trained."""
    made: Mapping[str, Any] | None
    # Small matrices: several BLAS threads only wait for each other; a busy machine is then a hundred times slower.
    with threadpool_limits(1):
        made = left_out.attempt("every baseline", lambda: experiment.baselines(trained, experiment.data))
        rows = {
            row: left_out.attempt(f"the baseline {row}", functools.partial(_baseline, row, make, taken))
            for row, make in (made or {}).items()
        }
    return {row: measured for row, measured in rows.items() if measured is not None}


def _baseline(row: str, make: Callable[[], Measured], taken: Collection[str]) -> Measured:
    if row in taken:
        raise UserError("another row has this name")
    return checked(row, make())


def verdicts(
    claims: Sequence[Claim],
    replicas: Sequence[Mapping[str, Mapping[str, Any]]],
    baselines: Mapping[str, Measured],
    left_out: LeftOut,
) -> dict[str, str]:
    """{sentence: verdict} of the claims, paired over replicas."""

    def value(replica: Mapping[str, Mapping[str, Any]], row: str, metric: str) -> float:
        metrics = replica[row] if row in replica else baselines[row].metrics
        if (found := metrics.get(metric)) is None:
            raise UserError(f"the row {row!r} has no metric {metric!r}")
        return float(found["mean"] if isinstance(found, Mapping) else found)

    def decide(claim: Claim) -> str:
        sign, metric = (-1.0, claim.metric[1:]) if claim.metric.startswith("-") else (1.0, claim.metric)
        missing = [row for row in (claim.better, claim.than) if row not in replicas[0] and row not in baselines]
        if missing:
            raise UserError(f"there is no row {missing[0]!r}")
        gains = [
            sign * (value(replica, claim.better, metric) - value(replica, claim.than, metric))
            for replica in replicas
        ]
        return str(verdict(gains))

    found = {
        claim.sentence: left_out.attempt(f"the verdict on {claim.sentence!r}", functools.partial(decide, claim))
        for claim in claims
    }
    return {sentence: text for sentence, text in found.items() if text is not None}


def draw(experiment: Experiment, report: Report, directory: Path, left_out: LeftOut) -> list[str]:
    """Draws the figures into a directory; the names of those that could be drawn."""
    made = left_out.attempt("every figure", lambda: experiment.figures(report))
    drawn = []
    for title, make in (made or {}).items():
        picture = left_out.attempt(f"the figure {title}", functools.partial(picture_of, make))
        if picture is not None:
            write_atomically(directory / f"{title}.png", as_png(picture))
            drawn.append(title)
    return drawn


def picture_of(make: Callable[..., Any], *arguments: Any) -> Image.Image:
    """What a page's function draws; UserError where that is no picture."""
    if not isinstance(picture := make(*arguments), Image.Image):
        raise UserError(f"a PIL image should be drawn, not {picture!r}")
    return picture


def as_png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return buffer.getvalue()


def tables(
    replicas: Sequence[Mapping[str, Mapping[str, Any]]], others: Mapping[str, Measured]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Our metrics over replicas, and the other rows: systems trained in the same run, then the baselines."""
    rows = {row: summary([replica[row] for replica in replicas]) for row in replicas[0]}
    beside = {row: {name: _jsonable(x) for name, x in measured.metrics.items()} for row, measured in others.items()}
    return rows.pop(OURS, {}), rows | beside


def _jsonable(value: Any) -> Any:
    """JSON knows neither NaN nor infinity; a table says that such a number is not finite."""
    return value if isinstance(value, Mapping) or math.isfinite(value) else {"mean": None, "stderr": None}
