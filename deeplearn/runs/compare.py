"""Two runs' tables side by side, and their differences paired over seeds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deeplearn.errors import UserError
from deeplearn.measured import OURS
from deeplearn.metrics.verdict import Verdict, decide
from deeplearn.runs.source import read_config
from deeplearn.train.checkpoints import read_json
from deeplearn.train.results import UNFINISHED, is_results, table

HIGHER = {"supported": "higher", "refuted": "lower"}


def compare(first: Path, second: Path) -> tuple[str, list[str]]:
    """(what `python -m deeplearn.runs compare` prints, sentences of warning) of two finished runs.

    Rows of one name are compared, metric by metric: the first run's number minus the second's, over the seeds that
    both were trained with, by the rule of all verdicts (`deeplearn.metrics.verdict`). Metrics that only one run
    has are only in its table. Without a common seed nothing is paired, and there are no differences. UserError
    where a run has no results, or where the two have no metric in common.
    """
    runs = [_results(directory) for directory in (first, second)]
    if not (pairs := _common(*runs)):
        names = ["; ".join(f"{row}: {', '.join(own)}" for row, own in _rows(run).items()) for run in runs]
        raise UserError(
            f"the runs have no metric of a row in common: {first} has {names[0] or 'none'}, "
            f"{second} has {names[1] or 'none'}"
        )
    titles = _titles(first, second)
    lines = {}
    for row in dict.fromkeys([*_rows(runs[0]), *_rows(runs[1])]):
        for title, run in zip(titles, runs, strict=True):
            if row in _rows(run):
                lines[title if row == OURS else f"{title}, {row}"] = _rows(run)[row]
    warnings = _warnings(first, second, runs)
    found = differences(*runs)
    sentences = [
        f"{metric if row == OURS else f'{metric} of {row}'}: {_sentence(titles, found[row, metric])}"
        for row, metric in pairs
        if (row, metric) in found
    ]
    if not sentences:
        seeds = [", ".join(map(str, run.get("seeds", []))) or "not known" for run in runs]
        sentences = [
            f"no differences: they are paired over common seeds, and there are none ({titles[0]}: {seeds[0]}; "
            f"{titles[1]}: {seeds[1]}), so train both with the same --seed and --replicas"
        ]
    return "\n".join([table(lines), "", *sentences]), warnings


def differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[tuple[str, str], Verdict]:
    """{(row, metric): verdict on first − second} over common seeds, of what two results.json hold.

    Metrics that are not finite for one of the seeds are left out.
    """
    seeds = [seed for seed in first.get("seeds", []) if seed in second.get("seeds", [])]
    found = {}
    for row, metric in _common(first, second) if seeds else []:
        values = []
        for run in (first, second):
            numbers = run.get("replica_values", {}).get(row, {}).get(metric)
            values.append([numbers[run["seeds"].index(seed)] for seed in seeds] if numbers else [None])
        if all(number is not None for numbers in values for number in numbers):
            found[row, metric] = decide([one - other for one, other in zip(*values, strict=True)])
    return found


def _results(directory: Path) -> dict[str, Any]:
    read_config(directory)
    if not (directory / "results.json").exists():
        raise UserError(f"{directory} has no results yet: let the run continue to its end")
    found = read_json(directory / "results.json")
    if not is_results(found):
        raise UserError(
            f"{directory / 'results.json'} does not hold the results of a run: the run's own command measures again"
        )
    return dict(found)


def _rows(run: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return ({OURS: run["metrics"]} if run["metrics"] else {}) | run.get("baselines", {})


def _common(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Rows with metrics that both have."""
    rows, others = _rows(first), _rows(second)
    return [(row, metric) for row in rows if row in others for metric in rows[row] if metric in others[row]]


def _titles(first: Path, second: Path) -> tuple[str, str]:
    names = first.resolve().name, second.resolve().name
    return names if names[0] != names[1] else (str(first), str(second))


def _warnings(first: Path, second: Path, runs: list[dict[str, Any]]) -> list[str]:
    warnings = [
        f"warning: {directory} is not measured to its end: {run[UNFINISHED]} are missing"
        for directory, run in zip((first, second), runs, strict=True)
        if UNFINISHED in run
    ]
    if runs[0]["dataset"] != runs[1]["dataset"]:
        warnings.append(
            f"warning: {first} was measured on {runs[0]['dataset']} and {second} on {runs[1]['dataset']}: "
            "differences are of the data too"
        )
    else:
        kept = [read_config(directory).get("data", {}).get("fingerprint") for directory in (first, second)]
        if None not in kept and kept[0] != kept[1]:
            warnings.append(
                f"warning: {first} and {second} were measured on other examples, though both are called "
                f"{runs[0]['dataset']}: the data changed between them"
            )
    if runs[0]["experiment"] != runs[1]["experiment"]:
        warnings.append(
            f"warning: these are runs of {runs[0]['experiment']} and of {runs[1]['experiment']}: metrics of one "
            "name may be measured in another way"
        )
    return warnings


def _sentence(titles: tuple[str, str], verdict: Verdict) -> str:
    first, second = titles
    if verdict.half_width is None:
        return f"undecided, {first} − {second} = {verdict.mean:+.4g} in one seed; --replicas=5 gives an interval"
    low, high = verdict.mean - verdict.half_width, verdict.mean + verdict.half_width
    word = HIGHER.get(verdict.decision)
    decision = f"{first} is {word} than {second}" if word else "undecided"
    return (
        f"{decision}, {first} − {second} = {verdict.mean:+.4g}, 95 % interval {low:+.3g} to {high:+.3g}, "
        f"{verdict.seeds} seeds"
    )
