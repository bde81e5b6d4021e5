"""Is a picture the one that was asked for? Where the true one is known, that has an exact answer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from deeplearn.metrics.distances import nearest_neighbours
from deeplearn.nn.checks import assert_shapes


def nearest_pictures(made: np.ndarray, pictures: np.ndarray) -> np.ndarray:
    """int [N]: of all pictures [M, ...] the nearest to each made one [N, ...], by mean squared difference."""
    assert_shapes(made=(made, "made *shape"), pictures=(pictures, "pictures *shape"))
    found = nearest_neighbours(made.reshape(len(made), -1), pictures.reshape(len(pictures), -1))[1]
    return found[:, 0]


def identity(
    made: np.ndarray,
    pictures: np.ndarray,
    classes: np.ndarray,
    asked: np.ndarray,
    parts: Mapping[str, tuple[np.ndarray, np.ndarray]],
) -> dict[str, np.ndarray]:
    """For each picture made whether, of all pictures, the nearest is the one that was asked for.

    Args:
        made: [N, ...]; pictures: [M, ...], all that there are, held out or not.
        classes: int [M], equal for pictures that are the same; asked: int [N], the class of the true picture.
        parts: {name: (int [M], int [N])}: a property of each picture and the one that was asked for.

    Returns:
        {"identity": bool [N], name: bool [N]}: right as a whole, and in each property.
    """
    nearest = nearest_pictures(made, pictures)
    right = {"identity": classes[nearest] == asked}
    return right | {name: of_all[nearest] == wanted for name, (of_all, wanted) in parts.items()}
