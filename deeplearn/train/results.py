"""results.json, and the table that a run prints at its end."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from deeplearn.metrics.statistics import mean_and_standard_error

Numbers = Mapping[str, Any]
Replica = Mapping[str, Numbers]  # {row: {metric: number}}

EVALUATION = "the evaluation"  # what is left out begins so where a replica could not be measured
UNFINISHED = "unfinished"  # the key of results to which the baselines or figures are still to be added


def summary(replicas: Sequence[Numbers]) -> dict[str, dict[str, float | None]]:
    """{metric: {"mean", "stderr"}} over the replicas that have it; one replica has no standard error."""
    result = {}
    for name in _names(replicas):
        with np.errstate(invalid="ignore"):  # of numbers that are not finite there is no spread
            values = [float(replica[name]) for replica in replicas if name in replica]
            mean, stderr = mean_and_standard_error(values)
        result[name] = {"mean": _finite(mean), "stderr": _finite(stderr)}
    return result


def failed(results: Mapping[str, Any]) -> list[str]:
    """Why replicas could not be measured."""
    return [why for what, why in results.get("left_out", {}).items() if what.startswith(EVALUATION)]


def replica_values(replicas: Sequence[Replica | None]) -> dict[str, dict[str, list[float | None]]]:
    """{row: {metric: a number for each replica}}, by which two runs are compared.

    The number is None where a replica could not be measured, or its metric is not finite.
    """
    rows = {row: [(replica or {}).get(row, {}) for replica in replicas] for row in _names(replicas)}
    return {
        row: {name: [_finite(replica.get(name)) for replica in each] for name in _names(each)}
        for row, each in rows.items()
    }


def _names(mappings: Sequence[Mapping[str, Any] | None]) -> list[str]:
    return list(dict.fromkeys(name for mapping in mappings for name in mapping or {}))


def _finite(value: float | None) -> float | None:
    # JSON has neither NaN nor infinity.
    return value if value is not None and math.isfinite(value) else None


def table(rows: Mapping[str, Numbers]) -> str:
    """An aligned text table of methods by metrics; values are numbers or {"mean", "stderr"}."""
    columns = list(dict.fromkeys(name for numbers in rows.values() for name in numbers))
    cells = [["", *columns]]
    cells += [[row, *(_cell(numbers.get(column)) for column in columns)] for row, numbers in rows.items()]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns) + 1)]
    lines = [
        "  ".join(
            [line[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(line[1:], widths[1:], strict=True))]
        )
        for line in cells
    ]
    return "\n".join([lines[0].rstrip(), "-" * len(lines[0]), *(line.rstrip() for line in lines[1:])])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        error = value.get("stderr")
        if value["mean"] is None:
            return "not finite"
        return _digits(value["mean"]) + (f" ± {_digits(error)}" if error is not None else "")
    return _digits(value)


def _digits(value: float) -> str:
    if isinstance(value, int) or float(value).is_integer():
        return str(int(value))
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.2f}"


def report(results: Mapping[str, Any]) -> str:
    """A run's results: a table of its own row, its baselines, the published rows of the same protocol; verdicts."""
    replicas = results["replicas"]
    ours = f"{results['experiment']} on {results['dataset']}" + (f", {replicas} seeds" if replicas > 1 else "")
    rows = {ours: results["metrics"], **results["baselines"]}
    rows |= {f"published: {name}": numbers for name, numbers in results.get("published", {}).items()}
    left_out = [f"{what} is left out: {why}" for what, why in results.get("left_out", {}).items()]
    if UNFINISHED in results:
        left_out.append(f"not yet measured: {results[UNFINISHED]}")
    verdicts = [f"{claim}: {verdict}" for claim, verdict in results.get("verdicts", {}).items()]
    alarms = results.get("alarms", [])
    return "\n".join(
        [table(rows), *([""] if verdicts or left_out or alarms else []), *verdicts, *left_out, *alarms]
    )


def is_results(found: Any) -> bool:
    """Whether JSON has the form of results.json, as far as a report and a comparison read it."""
    try:
        report(found)
        columns = [numbers for row in found.get("replica_values", {}).values() for numbers in row.values()]
        good = all(number is None or math.isfinite(number) for numbers in columns for number in numbers)
        return good and {len(numbers) for numbers in columns} <= {len(found.get("seeds", []))}
    except Exception:  # anything may stand there
        return False
