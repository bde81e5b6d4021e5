"""A user's labels, whatever they are, as classes 0 .. classes - 1 and their names."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from deeplearn.errors import UserError

WHOLE = re.compile(r"[+-]?(0|[1-9][0-9]{0,17})(\.0*)?")  # not 007, which is a name
SHOWN = 5  # names in a sentence
WIDTH = 40  # characters of a name in a sentence


def shown(names: Iterable[str], width: int = WIDTH) -> str:
    """The first names, for a sentence on one line: unprintable characters escaped, names cut to `width`."""
    names = list(names)
    short = ["".join(c if c.isprintable() else ascii(c)[1:-1] for c in name[:width]) for name in names[:SHOWN]]
    short = [text + "…" * (len(name) > width) for text, name in zip(short, names, strict=False)]
    return ", ".join(short) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def numbered(labels: np.ndarray, where: str) -> tuple[tuple[str, ...], np.ndarray, list[str]]:
    """(classes, label int32 [N], notes): what occurs is numbered in ascending order, and named as it was.

    labels: [N] whole numbers from 0 (as floats or bool, too) or texts, or one-hot rows [N, C]. Only classes that
    occur count, so labels that are ids do no harm. where: "labels in FILE". UserError for anything else.
    """
    notes = []
    if labels.ndim == 2 and labels.dtype.kind in "biuf" and labels.shape[1] > 1:
        if not (((labels == 0) | (labels == 1)).all() and (labels.sum(1) == 1).all()):
            raise UserError(f"{where} {labels.shape} are not one-hot rows: store one label for each example, [N].")
        labels = labels.argmax(1)
        notes.append(f"{where} are one-hot rows")
    if labels.ndim != 1 or labels.dtype.kind not in "biufUS":
        raise UserError(f"{where} are {labels.dtype} {labels.shape}: they must be whole numbers or texts, [N].")
    found, label = np.unique(labels, return_inverse=True)
    if found.dtype.kind in "US":
        texts = [
            one.decode("utf-8", "backslashreplace") if isinstance(one, bytes) else one for one in found.tolist()
        ]
        if "" in texts:
            raise UserError(f"{where} are empty for some examples: give each a class.")
        if not all(WHOLE.fullmatch(text) for text in texts):
            return tuple(texts), label.astype(np.int32), notes
        numbers = [int(text.partition(".")[0]) for text in texts]
    else:
        if found.dtype.kind == "f" and not (np.isfinite(found).all() and (found == np.rint(found)).all()):
            raise UserError(f"{where} are not all whole numbers: a class needs a number or a name.")
        numbers = [int(one) for one in found.tolist()]
    if min(numbers, default=0) < 0:
        raise UserError(
            f"{where} go down to {min(numbers)}: number the classes from 0, and leave out examples without one."
        )
    values = sorted(set(numbers))
    place = {value: number for number, value in enumerate(values)}
    if values != list(range(len(values))):
        notes.append(f"{where} are {shown(map(str, values))}: they are numbered in that order from 0")
    return tuple(map(str, values)), np.array([place[one] for one in numbers], np.int32)[label], notes
