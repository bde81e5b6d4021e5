"""A mixture of Gaussians fitted to images: a generator that nobody trains by gradients."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import chex
import numpy as np

from deeplearn.errors import UserError
from deeplearn.nn.functional import flat

SIZES = (1, 10, 30, 100)  # numbers of components
DIMENSIONS = 48  # principal components: a covariance of all pixels would take minutes, and many more examples
ITERATIONS = 20  # at most: those beyond change little, and many components take seconds each
FLOOR = 1e-4  # added to variances: those of a component with few examples vanish


def mixture_draws(
    train: np.ndarray,
    validation: np.ndarray,
    count: int,
    sizes: Sequence[int] = SIZES,
    dimensions: int = DIMENSIONS,
    seed: int = 0,
) -> tuple[np.ndarray, int]:
    """[count, ...] draws in random order, float32 in the data's units, and how many components they are from.

    EM with full covariances (scikit-learn's) on the first principal components of train [N, ...]; what the data
    have beyond these the draws lack. The number of components is that of `sizes` under which validation [M, ...] is
    the likeliest; a size that exceeds N is left out. UserError for a single row.
    """
    from sklearn.decomposition import PCA
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    chex.assert_equal_shape_suffix([train, validation], train.ndim - 1)
    if len(train) < 2:
        raise UserError("a mixture is fitted to two images at least")
    x, held_out = flat(np.asarray(train, np.float64)), flat(np.asarray(validation, np.float64))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of fewer different rows than components
        warnings.simplefilter("ignore", RuntimeWarning)  # of rows that are all the same
        pca = PCA(min(dimensions, *x.shape), svd_solver="covariance_eigh", random_state=seed).fit(x)
        x, held_out = pca.transform(x), pca.transform(held_out)
        models = [
            GaussianMixture(size, reg_covar=FLOOR, max_iter=ITERATIONS, random_state=seed).fit(x)
            for size in sizes
            if size <= len(x)
        ]
    best = max(models, key=lambda model: model.score(held_out))
    draws, _ = best.sample(count)
    draws = pca.inverse_transform(np.random.default_rng(seed).permutation(draws))
    return draws.astype(np.float32).reshape(count, *train.shape[1:]), best.n_components
