"""README's tables, made from the committed results: numbers live in one place.

`manifest.toml` says what is quoted: for each family of experiments its entries, each with

    result   the experiment's name, and after a space what is changed; with underscores for spaces it is the name of
             the file here that holds the run's results.json
    flags    those of the command that makes it again
    what     a few words
    metric   the number quoted, with a minus sign before it where less is better
    row      the row that it is quoted of; without it the experiment's own
    beside   the row to compare with; without it the best baseline by that metric
    earlier  true for a run that was too long to repeat when the results came to live here: its numbers are in
             earlier.json, as they were measured and written down before
"""

from __future__ import annotations

import json
import math
import textwrap
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deeplearn.errors import UserError
from deeplearn.measured import OURS
from deeplearn.train.results import report

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
PRINTED = "make train"
COLUMNS = ("experiment", "flags", "metric", "ours", "beside, in the same run", "seeds", "time")


def manifest() -> dict[str, list[dict[str, Any]]]:
    """{family: entries}."""
    return tomllib.loads((HERE / "manifest.toml").read_text())


def result(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The results.json of an entry, or what was written down of it before."""
    if entry.get("earlier"):
        return json.loads((HERE / "earlier.json").read_text())["results"][entry["result"]]
    try:
        return json.loads(file(entry).read_text())
    except FileNotFoundError:
        raise UserError(f"{file(entry)} is not there: python -m results run {entry['result']!r}") from None


def file(entry: Mapping[str, Any]) -> Path:
    return HERE / f"{entry['result'].replace(' ', '_')}.json"


def line(entry: Mapping[str, Any]) -> str:
    """An entry's row of its table."""
    found, metric = result(entry), entry["metric"].removeprefix("-")
    name, value = _beside(entry, found)
    cells = [
        f"`{entry['result'].split()[0]}`: {entry['what']}",
        f"`{entry['flags']}`" if entry["flags"] else "",
        f"{metric} {'↓' if entry['metric'].startswith('-') else '↑'}",
        number(_own(entry, found, metric)) + (" *" if entry.get("earlier") else ""),
        f"{name} {number(value)}" if name else "",
        str(found["replicas"]),
        time(found["seconds"]),
    ]
    return "| " + " | ".join(cells) + " |"


def _own(entry: Mapping[str, Any], found: Mapping[str, Any], metric: str) -> Any:
    row = found["baselines"].get(entry.get("row"))  # the row of what is not the experiment's own
    return (found["metrics"] if row is None else row)[metric]


def _beside(entry: Mapping[str, Any], found: Mapping[str, Any]) -> tuple[str, Any]:
    """(row, value) of what stands beside ours; ("", None) where no other row has the metric."""
    metric, sign = entry["metric"].removeprefix("-"), -1 if entry["metric"].startswith("-") else 1
    own = {} if "row" not in entry else {OURS: found["metrics"]}
    rows = {row: numbers[metric] for row, numbers in {**found["baselines"], **own}.items() if metric in numbers}
    if "beside" in entry:
        if entry["beside"] not in rows:
            raise UserError(
                f"{entry['result']} has no row {entry['beside']!r} with {metric}: it has {', '.join(rows)}"
            )
        return entry["beside"], rows[entry["beside"]]
    if not rows:
        return "", None
    best = max(rows, key=lambda row: sign * _mean(rows[row]))
    return best, rows[best]


def _mean(value: Any) -> float:
    return value["mean"] if isinstance(value, Mapping) else value


def number(value: Any) -> str:
    """A mean with its standard error, to as many digits as the error says; without one to three digits."""
    mean, error = _mean(value), value.get("stderr") if isinstance(value, Mapping) else None
    if error:
        digits = max(0, 1 - math.floor(math.log10(error)))
        digits = digits - 1 if round(error * 10**digits) >= 30 else digits
        return f"{mean:.{digits}f} ± {error:.{digits}f}"
    digits = max(0, 2 - math.floor(math.log10(abs(mean)))) if mean else 0
    return f"{mean:.{min(digits, 4)}f}" + (" ± 0" if error == 0 else "")


def time(seconds: float) -> str:
    if not seconds:
        return ""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def table(family: str) -> str:
    """A family's table in Markdown; of the first family, what its one run printed in the end."""
    if family == PRINTED:
        (entry,) = manifest()[family]
        return "\n" + textwrap.indent(report(result(entry)), "    ") + "\n"
    head = "| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|\n"
    return head + "\n".join(line(entry) for entry in manifest()[family])


def with_tables(readme: str) -> str:
    """The text of README with every family's table between its marks. ValueError where a mark is missing."""
    for family in manifest():
        start, end = f"<!-- results of {family} -->", f"<!-- end of {family} -->"
        before, found, rest = readme.partition(start)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise ValueError(f"README.md has no place for the results of {family}: {start} … {end}")
        readme = f"{before}{start}\n{table(family)}\n{end}{after}"
    return readme
