"""Where a classifier errs."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from deeplearn.figures.grid import image_grid
from deeplearn.figures.plots import heat_map


def confusion_and_mistakes(
    images: np.ndarray, label: np.ndarray, predicted: np.ndarray, classes: Sequence[str]
) -> dict[str, Image.Image]:
    """ "confusion": examples counted by label and predicted; "mistakes", if there are any: the first 32.
    Below each is its label, and the class it was taken for.

    Args:
        images: [N, H, W, C] in [0, 1]. label, predicted: [N] integers. classes: their names.
    """
    confusion = np.zeros((len(classes), len(classes)))
    np.add.at(confusion, (label, predicted), 1)
    pictures = {"confusion": heat_map(confusion, classes, classes, "predicted", "label", number_format=".0f")}
    wrong = np.flatnonzero(predicted != label)[:32]
    if len(wrong):
        captions = [f"{classes[label[n]]} → {classes[predicted[n]]}" for n in wrong]
        pictures["mistakes"] = image_grid(images[wrong], columns=8, captions=captions)
    return pictures
