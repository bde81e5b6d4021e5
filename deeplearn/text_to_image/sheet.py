"""Pictures that were made from captions, above the true ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from deeplearn.data import Dataset
from deeplearn.data.subsets import spaced
from deeplearn.figures.captioned import captioned
from deeplearn.nn.functional import area_means
from deeplearn.text_to_image.captions import texts_of


def some_rows(rows: Mapping[str, np.ndarray], count: int = 12) -> dict[str, np.ndarray]:
    """`count` of the rows, evenly spaced: what a sheet shows."""
    of = spaced(len(rows["length"]), count)
    return {key: column[of] for key, column in rows.items()}


def asked_sheet(images: np.ndarray, asked: Mapping[str, np.ndarray], dataset: Dataset) -> Any:
    """Images [N, side, side, C] in [0, 1], made from the captions of the rows `asked` [N], above the true ones."""
    both = np.concatenate([images, area_means(asked["image"], images.shape[1])])
    texts = [*texts_of(asked, dataset), *["(the true picture)"] * len(images)]
    return captioned(both, texts, columns=len(images), credit=dataset.about.get("credit", ""), tile=96)
