"""Densities of points fitted without a network, on a mixture whose modes are known: baselines of a generator."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable

import numpy as np

from deeplearn.baselines.classical import LIMIT, Thunks
from deeplearn.data import Dataset
from deeplearn.errors import UserError
from deeplearn.measured import Measured
from deeplearn.metrics.mixture import mode_coverage

SAMPLES = 2500  # points on which a generator is measured: the protocol of VEEGAN and PacGAN

# {data set: {source: metrics}}. Srivastava et al. 2017 (VEEGAN), table 1; Lin et al. 2018 (PacGAN), table 1, after
# 400,000 steps.
PUBLISHED = {
    "mixture/ring": {
        "VEEGAN table 1, GAN": {"modes": 1, "high_quality": 0.993},
        "PacGAN table 1, GAN": {"modes": 6.3, "high_quality": 0.982, "reverse_kl": 0.45},
        "PacGAN table 1, PacGAN2": {"modes": 7.9, "high_quality": 0.956, "reverse_kl": 0.07},
    },
    "mixture/grid": {
        "VEEGAN table 1, GAN": {"modes": 3.3, "high_quality": 0.005},
        "PacGAN table 1, GAN": {"modes": 17.3, "high_quality": 0.948, "reverse_kl": 0.70},
        "PacGAN table 1, PacGAN2": {"modes": 23.8, "high_quality": 0.913, "reverse_kl": 0.13},
    },
}


def point_densities(dataset: Dataset, samples: int = SAMPLES, *, limit: int = LIMIT) -> Thunks:
    """{"the data itself", "Gaussian mixture by EM", "kernel density": thunk} on a mixture of Gaussians.

    dataset: of points [2], with `about` {"means": [modes, 2], "sigma"}; the Gaussian mixture is given the number
        of modes, the kernel their width.
    samples: points drawn from each, or taken from the test split.

    Metrics: those of `metrics.mixture.mode_coverage`. Arrays: `points` [samples, 2].
    """
    means, sigma = dataset.about["means"], dataset.about["sigma"]

    def train() -> np.ndarray:
        return dataset.train.arrays(limit)["point"]

    def data() -> np.ndarray:
        return dataset.test.arrays(samples)["point"]

    def mixture() -> np.ndarray:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture

        points = train().astype(np.float64)
        if len(points) < 2:
            raise UserError("a mixture is fitted to two points at least")
        modes = min(len(means), len(points))
        model = GaussianMixture(modes, covariance_type="spherical", n_init=3, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # of fewer different points than modes
            return model.fit(points).sample(samples)[0]

    def kernel() -> np.ndarray:
        from sklearn.neighbors import KernelDensity

        return KernelDensity(bandwidth=sigma).fit(train()).sample(samples, random_state=0)

    def row(draw: Callable[[], np.ndarray]) -> Measured:
        points = draw()
        return Measured(mode_coverage(points, means, sigma), {"points": points})

    draws = {"the data itself": data, "Gaussian mixture by EM": mixture, "kernel density": kernel}
    return {name: functools.partial(row, draw) for name, draw in draws.items()}
