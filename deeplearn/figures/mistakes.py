"""Where a classifier errs."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from deeplearn.figures.grid import image_grid
from deeplearn.figures.plots import CELLS, heat_map
from deeplearn.figures.text import printable, text_image

SHORT = 24  # characters of a class's name in a table of texts


def confusion(label: np.ndarray, predicted: np.ndarray, classes: Sequence[str]) -> Image.Image:
    """Counts of examples by label (rows) and prediction (columns); label, predicted: [N] integers.

    Of more classes than a table has room for, those are counted that occur as a label or a prediction.
    """
    from sklearn.metrics import confusion_matrix

    shown = np.arange(len(classes)) if len(classes) <= CELLS else np.union1d(label, predicted)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # one class alone is no mistake: its labels are given
        counts = confusion_matrix(label, predicted, labels=shown)
    names = [classes[int(number)] for number in shown]
    return heat_map(counts, names, names, "predicted", "label", number_format=".0f")


def confusion_and_mistakes(
    images: np.ndarray, label: np.ndarray, predicted: np.ndarray, classes: Sequence[str]
) -> dict[str, Callable[[], Image.Image]]:
    """The figures "confusion" and "mistakes", the first 32 if any, each with its label and the prediction below.

    Args:
        images: [N, H, W, C] in [0, 1]. label, predicted: [N] integers. classes: their names.
    """
    wrong = np.flatnonzero(predicted != label)[:32]

    def mistakes() -> Image.Image:
        captions = [f"{classes[label[n]]} → {classes[predicted[n]]}" for n in wrong]
        return image_grid(images[wrong], columns=min(8, len(wrong)), captions=captions)

    return _figures(label, predicted, classes, mistakes)


def confusion_and_wrong_texts(
    texts: Sequence[str] | np.ndarray, label: np.ndarray, predicted: np.ndarray, classes: Sequence[str]
) -> dict[str, Callable[[], Image.Image]]:
    """The figures "confusion" and "mistakes", the first 32 texts if any, each beside its label and the prediction.

    Args:
        texts: N. label, predicted: [N] integers. classes: their names.
    """
    wrong = np.flatnonzero(predicted != label)[:32]

    def mistakes() -> Image.Image:
        rows = [
            (printable(texts[n]), printable(classes[label[n]], SHORT), printable(classes[predicted[n]], SHORT))
            for n in wrong
        ]
        rows = [("text", "label", "predicted"), *rows]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
        return text_image("\n".join(lines))

    return _figures(label, predicted, classes, mistakes)


def _figures(
    label: np.ndarray, predicted: np.ndarray, classes: Sequence[str], mistakes: Callable[[], Image.Image]
) -> dict[str, Callable[[], Image.Image]]:
    table = functools.partial(confusion, label, predicted, classes)
    return {"confusion": table, **({"mistakes": mistakes} if (predicted != label).any() else {})}
