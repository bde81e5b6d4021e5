"""A table of a network's layers, as text and as CSV."""

from __future__ import annotations

import csv
import dataclasses
import io
from fractions import Fraction


@dataclasses.dataclass(frozen=True)
class Layer:
    """One line of the table; shape and multiply-adds are those of one example.

    receptive_field and stride (in pixels of the input) have an entry for each axis of the image; None means all of
    it.
    """

    name: str
    kind: str
    output: tuple[int, ...]
    parameters: int
    multiply_adds: int
    receptive_field: tuple[Fraction | None, ...]
    stride: tuple[Fraction | None, ...]


@dataclasses.dataclass(frozen=True)
class Anatomy:
    """The layers in the order in which they are computed.

    statistics: number of entries of the collections that are not trained (batch norm's averages).
    """

    layers: tuple[Layer, ...]
    statistics: int

    @property
    def parameters(self) -> int:
        return sum(layer.parameters for layer in self.layers)

    @property
    def multiply_adds(self) -> int:
        return sum(layer.multiply_adds for layer in self.layers)

    def __getitem__(self, name: str) -> Layer:
        return next(layer for layer in self.layers if layer.name == name)

    def csv(self) -> str:
        """The table with a line for each layer and a line of totals."""
        lines = io.StringIO()
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerows(_cells(layer, "") for layer in self.layers)
        writer.writerow(["total", "", "", self.parameters, self.multiply_adds, "", ""])
        return lines.getvalue()

    def __str__(self) -> str:
        rows = [_COLUMNS, *(_cells(layer, ",") for layer in self.layers)]
        rows.append(["total", "", "", f"{self.parameters:,}", f"{self.multiply_adds:,}", "", ""])
        widths = [max(len(row[k]) for row in rows) for k in range(len(_COLUMNS))]
        text = [
            "  ".join(cell.ljust(width) if k < 2 else cell.rjust(width) for k, (cell, width) in enumerate(pairs))
            for pairs in (list(zip(row, widths, strict=True)) for row in rows)
        ]
        text.insert(1, "-" * len(text[0]))
        text.insert(-1, "-" * len(text[0]))
        if self.statistics:
            text.append(f"{self.statistics:,} moving statistics besides")
        return "\n".join(line.rstrip() for line in text)


_COLUMNS = ["layer", "kind", "output", "parameters", "multiply_adds", "receptive_field", "stride"]


def _cells(layer: Layer, thousands: str) -> list[str]:
    def sides(values: tuple[Fraction | None, ...]) -> str:
        if all(value is None for value in values):
            return "all" if values else "-"
        texts = ["all" if value is None else str(value) for value in values]
        return texts[0] if len(set(texts)) == 1 else "×".join(texts)

    counts = [format(number, thousands) for number in (layer.parameters, layer.multiply_adds)]
    shape = "×".join(map(str, layer.output))
    return [layer.name, layer.kind, shape, *counts, sides(layer.receptive_field), sides(layer.stride)]
