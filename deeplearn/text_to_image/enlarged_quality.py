"""How good pictures are that were made from smaller ones, and what enlarges without learning."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from deeplearn.baselines.classical import Thunks
from deeplearn.data import Dataset
from deeplearn.data.subsets import evenly_spaced
from deeplearn.judge import judge
from deeplearn.judge.combinations import combination_quality, has_parts
from deeplearn.measured import Measured
from deeplearn.metrics.distances import frechet
from deeplearn.metrics.pictures import compared, psnr
from deeplearn.metrics.sharpness import sharpness
from deeplearn.models.imagen import enlarge
from deeplearn.nn.functional import area_means

TESTED = 500  # pictures of test that are made large, at most

Rows = Mapping[str, np.ndarray]


def known_rows(dataset: Dataset) -> dict[str, np.ndarray]:
    """Columns of the test examples that are made large."""
    return evenly_spaced(dataset.test, TESTED)


def enlarged_quality(made: np.ndarray, dataset: Dataset, rows: Rows, small: int) -> Measured:
    """Of pictures [N, side, side, C] in [0, 1], made from what those of `rows` look like at `small` pixels.

    Metrics: those of `metrics.pictures.compared`; sharpness; psnr_small, of what they look like small; identity,
    where pictures are combinations; judge_distance, Fréchet on the judge's features, where they have classes.
    """
    truth = rows["image"]
    metrics = compared(made, truth) | {"sharpness": sharpness(made, truth)}
    metrics["psnr_small"] = float(psnr(area_means(made, small), area_means(truth, small)).mean())
    if has_parts(dataset):
        metrics["identity"] = combination_quality(made, dataset, rows)["identity"]
    if dataset.classes and not has_parts(dataset) and len(truth) > 1:  # of combinations each is a class of its own
        found = judge(dataset)
        metrics |= {"judge_distance": frechet(found(truth)[1], found(made)[1]), **found.metrics}
    return Measured(metrics, {"image": made})


def interpolations(dataset: Dataset, small: int) -> Thunks:
    """{row: thunk}: "cubic interpolation" of the small pictures, and their "pixels repeated"."""
    rows, side = known_rows(dataset), dataset.image_shape[0]
    known = area_means(rows["image"], small)

    def cubic() -> Measured:
        return enlarged_quality(np.clip(np.asarray(enlarge(known, side)), 0, 1), dataset, rows, small)

    def repeated() -> Measured:
        return enlarged_quality(known.repeat(side // small, 1).repeat(side // small, 2), dataset, rows, small)

    return {"cubic interpolation": cubic, "pixels repeated": repeated}
