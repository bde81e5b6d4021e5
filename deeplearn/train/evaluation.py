"""What happens after the last step: measure, compare, decide, draw. Each part runs alone, so that one may fail."""

from __future__ import annotations

import dataclasses
import functools
import io
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image
from threadpoolctl import threadpool_limits

from deeplearn.errors import UserError, foreign, unexpected
from deeplearn.measured import OURS, Measured
from deeplearn.metrics.verdict import verdict
from deeplearn.train.experiment import Claim, Experiment, Report
from deeplearn.train.logs import write_atomically
from deeplearn.train.results import EVALUATION, Replica, summary
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
            reason = foreign(error) or unexpected(error, self.errors)
        self.reasons[what] = reason
        self.say(f"{what} is left out: {reason}")
        return None

    def unless_failed(self, what: str, make: Callable[[], Thing]) -> Thing | None:
        """`attempt`, for what is made again and again: after it has failed it is not tried any more."""
        return None if what in self.reasons else self.attempt(what, make)


def measure(
    experiment: Experiment, replicas: Sequence[Trained], seed: int, left_out: LeftOut
) -> Iterator[dict[str, Measured] | None]:
    """The rows of each replica with their arrays, as they are measured; None where the evaluation failed.

    seed: of the first replica.
    """
    for number, trained in enumerate(replicas):
        yield left_out.attempt(
            f"{EVALUATION} of seed {seed + number}", functools.partial(_rows, experiment, trained)
        )


def _rows(experiment: Experiment, trained: Trained) -> dict[str, Measured]:
    rows = experiment.evaluate(trained, experiment.data)
    if not isinstance(rows, Mapping):
        raise UserError(f"evaluate should return {{row: Measured}}, as ours(metrics) makes it, not {rows!r}")
    return {str(row): checked(row, measured, repeated=False) for row, measured in rows.items()}


def checked(row: str, measured: Any, repeated: bool = True) -> Measured:
    """What was measured, its metrics plain numbers that JSON can hold; UserError where they are not numbers.

    repeated: a metric may be {"mean", "stderr"} of several seeds, as a baseline's.
    """
    if not isinstance(measured, Measured):
        raise UserError(f"the row {row!r} should be a Measured(metrics), not {measured!r}")

    def plain(name: str, value: Any) -> Any:
        if repeated and isinstance(value, Mapping) and set(value) == {"mean", "stderr"}:
            return {part: None if number is None else plain(name, number) for part, number in value.items()}
        try:
            number = np.asarray(value, float).item()
        except (TypeError, ValueError, OverflowError):
            raise UserError(f"the metric {name!r} of the row {row!r} should be a number, not {value!r}") from None
        return value if isinstance(value, int | float) else number

    metrics = {str(name): plain(name, value) for name, value in measured.metrics.items()}
    return dataclasses.replace(measured, metrics=metrics)


def baselines(
    experiment: Experiment, trained: Trained, left_out: LeftOut, taken: Collection[str] = (OURS,)
) -> Iterator[tuple[str, Measured]]:
    """The rows of other methods, those that could be had, one by one. taken: names of rows that were trained."""
    # Small matrices: several BLAS threads only wait for each other; a busy machine is then a hundred times slower.
    with threadpool_limits(1):
        made = left_out.attempt("every baseline", lambda: dict(experiment.baselines(trained, experiment.data)))
        for row, make in (made or {}).items():
            measured = left_out.attempt(f"the baseline {row}", functools.partial(_baseline, row, make, taken))
            if measured is not None:
                yield row, measured


def _baseline(row: str, make: Callable[[], Measured], taken: Collection[str]) -> Measured:
    if row in taken:
        raise UserError("another row has this name")
    if not callable(make):
        raise UserError(f"baselines should return {{row: function () -> Measured}}, not {make!r} for {row!r}")
    return checked(row, make())


def published(experiment: Experiment, left_out: LeftOut) -> dict[str, dict[str, Any]]:
    """The rows of the literature, as JSON."""
    rows = {
        str(row): left_out.attempt(
            f"the published row {row}", functools.partial(checked, str(row), Measured(numbers))
        )
        for row, numbers in experiment.published.items()
    }
    return {row: _jsonable_row(measured) for row, measured in rows.items() if measured is not None}


def verdicts(
    claims: Sequence[Claim],
    replicas: Sequence[Replica],
    baselines: Mapping[str, Measured],
    left_out: LeftOut,
) -> dict[str, str]:
    """{sentence: verdict} of the claims, paired over replicas."""

    def value(replica: Replica, row: str, metric: str) -> float:
        metrics = replica[row] if row in replica else baselines[row].metrics
        if (found := metrics.get(metric)) is None:
            raise UserError(f"the row {row!r} has no metric {metric!r}")
        return float(found["mean"] if isinstance(found, Mapping) else found)

    def decide(claim: Claim) -> str:
        if not replicas:
            raise UserError("no replica could be measured")
        sign, metric = (-1.0, claim.metric[1:]) if claim.metric.startswith("-") else (1.0, claim.metric)
        for row in (claim.better, claim.than):
            if row not in baselines and not all(row in replica for replica in replicas):
                raise UserError(f"there is no row {row!r}")
        gains = [
            sign * (value(replica, claim.better, metric) - value(replica, claim.than, metric))
            for replica in replicas
        ]
        if not np.isfinite(gains).all():
            raise UserError(f"{metric} is not finite")
        return str(verdict(gains))

    found = {
        claim.sentence: left_out.attempt(f"the verdict on {claim.sentence!r}", functools.partial(decide, claim))
        for claim in claims
    }
    return {sentence: text for sentence, text in found.items() if text is not None}


def draw(experiment: Experiment, report: Report, directory: Path, left_out: LeftOut) -> list[str]:
    """Draws the figures into a directory; the names of those that could be drawn."""
    made = left_out.attempt("every figure", lambda: dict(experiment.figures(report)))
    drawn = []

    def draw_one(title: str, make: Callable[[], Any]) -> None:
        if Path(title).name != title or "\0" in title:
            raise UserError("its name is not that of a file")
        write_atomically(directory / f"{title}.png", as_png(picture_of(make)))
        drawn.append(title)

    for title, make in (made or {}).items():
        left_out.attempt(f"the figure {title}", functools.partial(draw_one, title, make))
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


def tables(replicas: Sequence[Replica], others: Mapping[str, Measured]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Our metrics over replicas, and the other rows: systems trained in the same run, then the baselines."""
    names = dict.fromkeys(row for replica in replicas for row in replica)
    rows = {row: summary([replica[row] for replica in replicas if row in replica]) for row in names}
    beside = {row: _jsonable_row(measured) for row, measured in others.items()}
    return rows.pop(OURS, {}), rows | beside


def _jsonable_row(measured: Measured) -> dict[str, Any]:
    return {name: _jsonable(value) for name, value in measured.metrics.items()}


def _jsonable(value: Any) -> Any:
    """JSON knows neither NaN nor infinity; a table says that such a number is not finite."""
    if isinstance(value, Mapping):
        return {part: number if number is None or math.isfinite(number) else None for part, number in value.items()}
    return value if math.isfinite(value) else {"mean": None, "stderr": None}
