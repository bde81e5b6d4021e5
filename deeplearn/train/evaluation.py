"""What happens after the last step: measure, compare, decide, draw. Each part runs alone, so that one may fail."""

from __future__ import annotations

import functools
import io
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits

from deeplearn.errors import UserError
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
            lines = str(error).strip().splitlines() or [""]
            reason = f"{type(error).__name__}: {lines[0][:200]}; its traceback is in {self.errors}"
            with self.errors.open("a") as file:
                file.write(f"{what}\n{traceback.format_exc()}\n")
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
        first = dict(rows) if number == 0 else first
        numbers.append({row: dict(measured.metrics) for row, measured in rows.items()})
    return first, numbers


def baselines(experiment: Experiment, trained: Trained, left_out: LeftOut) -> dict[str, Measured]:
    """The rows of other methods, without those that failed."""
    made: Mapping[str, Any] | None
    # Small matrices: several BLAS threads only wait for each other; a busy machine is then a hundred times slower.
    with threadpool_limits(1):
        made = left_out.attempt("the baselines", lambda: experiment.baselines(trained, experiment.data))
        rows = {row: left_out.attempt(f"the baseline {row}", make) for row, make in (made or {}).items()}
    return {row: measured for row, measured in rows.items() if measured is not None}


def verdicts(
    claims: Sequence[Claim],
    replicas: Sequence[Mapping[str, Mapping[str, Any]]],
    baselines: Mapping[str, Measured],
    left_out: LeftOut,
) -> dict[str, str]:
    """{sentence: verdict} of the claims, paired over replicas."""

    def value(replica: Mapping[str, Mapping[str, Any]], row: str, metric: str) -> float:
        found = replica[row][metric] if row in replica else baselines[row].metrics[metric]
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
    """Draws the figures into a directory; returns the names of those that could be drawn."""
    made = left_out.attempt("the figures", lambda: experiment.figures(report))
    drawn = []
    for title, make in (made or {}).items():
        picture = left_out.attempt(f"the figure {title}", make)
        if picture is not None:
            write_atomically(directory / f"{title}.png", as_png(picture))
            drawn.append(title)
    return drawn


def as_png(picture: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return buffer.getvalue()


def tables(
    replicas: Sequence[Mapping[str, Mapping[str, Any]]], others: Mapping[str, Measured]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Our metrics over replicas, and the other rows: systems trained in the same run, then the baselines."""
    rows = {row: summary([replica[row] for replica in replicas]) for row in replicas[0]}
    return rows.pop(OURS, {}), rows | {row: dict(measured.metrics) for row, measured in others.items()}
