"""Where a classifier errs."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from deeplearn.figures.grid import image_grid
from deeplearn.figures.plots import CELLS, heat_map


def confusion_and_mistakes(
    images: np.ndarray, label: np.ndarray, predicted: np.ndarray, classes: Sequence[str]
) -> dict[str, Callable[[], Image.Image]]:
    """The figures "confusion", counts of examples by label and prediction, and "mistakes", the first 32 if any.

    Of more classes than a table has room for, those are counted that occur as a label or a prediction. Below each
    mistake are its label and the prediction.

    Args:
        images: [N, H, W, C] in [0, 1]. label, predicted: [N] integers. classes: their names.
    """
    from sklearn.metrics import confusion_matrix

    shown = np.arange(len(classes)) if len(classes) <= CELLS else np.union1d(label, predicted)

    def confusion() -> Image.Image:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # one class alone is no mistake: its labels are given
            counts = confusion_matrix(label, predicted, labels=shown)
        names = [classes[int(number)] for number in shown]
        return heat_map(counts, names, names, "predicted", "label", number_format=".0f")

    wrong = np.flatnonzero(predicted != label)[:32]

    def mistakes() -> Image.Image:
        captions = [f"{classes[label[n]]} → {classes[predicted[n]]}" for n in wrong]
        return image_grid(images[wrong], columns=min(8, len(wrong)), captions=captions)

    return {"confusion": confusion, **({"mistakes": mistakes} if len(wrong) else {})}
