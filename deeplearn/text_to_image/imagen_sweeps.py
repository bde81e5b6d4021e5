"""What choices at sampling do to Imagen's pictures: guidance, dynamic thresholding, noise on the smaller picture.

On validation captions, from one checkpoint, with one noise.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from deeplearn import train as dl
from deeplearn.data import Dataset
from deeplearn.data.subsets import evenly_spaced
from deeplearn.text_to_image.imagen import ImagenConfig, drawn, rows_for
from deeplearn.text_to_image.quality import picture_quality, rightness

ROWS = 100
GUIDANCE = (0.0, 0.5, 1.0, 2.0, 4.0)
PERCENTILES = (0.0, 0.8, 0.9, 0.95, 0.98, 0.995, 1.0)
STRONG = 4.0  # guidance at which values leave their range, and thresholding shows
NOISED = (0.0, 0.025, 0.05, 0.1, 0.2)

Curves = dict[str, tuple[Sequence[float], list[float]]]


def swept(
    trained: dl.Trained, config: ImagenConfig, dataset: Dataset, flag: str, values: Sequence[float]
) -> Curves:
    """{metric: (values, the metric at each)} as a flag of sampling takes these values, in pictures of the base; of
    `noised_when_drawn` in the first super-resolution of the base's pictures."""
    rows, channels = evenly_spaced(dataset.validation, ROWS), dataset.image_shape[2]
    text = rows_for(config, dataset, rows)
    enlarges = flag == "noised_when_drawn"
    small = drawn(trained, config, channels, 0, *text) if enlarges else None
    found: list[dict[str, float]] = []
    for value in values:
        changed = dataclasses.replace(config, **{flag: value})  # type: ignore[arg-type]
        made = drawn(trained, changed, channels, int(enlarges), *text, small)
        found.append(picture_quality(made, dataset, rows))
    return {metric: (values, [one[metric] for one in found]) for metric in (rightness(dataset), "sharpness")}


def thresholded(trained: dl.Trained, config: ImagenConfig, dataset: Dataset) -> Curves:
    """`swept` over the percentile of dynamic thresholding, under strong guidance."""
    strong = dataclasses.replace(config, guidance=STRONG)
    return swept(trained, strong, dataset, "percentile", PERCENTILES)
