"""Principal components of flat images: the linear autoencoder with the least squared error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import chex
import numpy as np

from deeplearn.baselines.classical import LIMIT, Thunks
from deeplearn.data import Dataset
from deeplearn.measured import Measured
from deeplearn.nn.functional import flat

SHOWN = 100  # reconstructed test images kept for figures

Map = Callable[[np.ndarray], Any]  # rows to rows


def fitted_pca(x: np.ndarray, components: int) -> Any:
    """scikit-learn's PCA of x [N, D], with `components`, or fewer where N or D is smaller."""
    from sklearn.decomposition import PCA

    chex.assert_rank(x, 2)
    with np.errstate(invalid="ignore"):  # fractions of no variance, which nobody reads
        return PCA(min(components, *x.shape), random_state=0).fit(x)


def pca(
    dataset: Dataset,
    components: int,
    measure: Callable[[Map, Map], Mapping[str, float]] | None = None,
    *,
    row: str = "PCA",
    limit: int = LIMIT,
    test_limit: int | None = None,
) -> Thunks:
    """One row: PCA of the training images, at most `components`, measured on test images.

    measure(encode, decode) -> further metrics; encode maps flat images [N, pixels] to codes [N, components], decode
    maps them back. `probe.probes(encode, dataset)` gives such metrics. `mse` from it replaces the one here.

    Metrics: `mse`, squared error per pixel, and `components`, their number. Arrays: `codes` [N, components], and
    `reconstructed`, the first 100 test images as PCA reconstructs them, [100, H, W, C].
    """

    def thunk() -> Measured:
        model = fitted_pca(flat(dataset.train.arrays(limit)["image"]), components)
        image = dataset.test.arrays(test_limit)["image"]
        codes = model.transform(flat(image))
        output = model.inverse_transform(codes)
        metrics = {"mse": float(np.square(output - flat(image)).mean()), "components": int(model.n_components_)}
        metrics |= measure(model.transform, model.inverse_transform) if measure else {}
        return Measured(metrics, {"codes": codes, "reconstructed": output[:SHOWN].reshape(-1, *image.shape[1:])})

    return {row: thunk}


def raw_pixels(measure: Callable[[Map, Map], Mapping[str, float]]) -> Thunks:
    """{"raw pixels": thunk}: `measure(encode, decode)`, as in `pca`, with the images as their own codes."""

    def identity(x: np.ndarray) -> np.ndarray:
        return x

    return {"raw pixels": lambda: Measured(measure(identity, identity))}
