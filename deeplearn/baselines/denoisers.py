"""Denoising without a network: projection on principal components, ridge regression, non-local means."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from deeplearn.baselines.classical import LIMIT, Thunks
from deeplearn.baselines.nonlocal_means import nonlocal_means
from deeplearn.baselines.pca import SHOWN, fitted_pca
from deeplearn.data import Dataset
from deeplearn.measured import Measured
from deeplearn.nn.functional import flat

COPIES = 8  # noisy copies of each training image that the regression is fitted to
SIZES = (4, 8, 12, 16, 24, 32, 48, 64, 128, 256)  # of the code; validation chooses one
PENALTIES = (1.0, 30.0, 1000.0)  # of the ridge regression
STRENGTHS = (0.1, 0.2, 0.3, 0.5, 0.8)  # of non-local means
VALIDATION = 500  # images on which settings are chosen

Corrupt = Callable[[np.ndarray, int], Any]  # (images [N, ...], seed) -> corrupted images


@dataclasses.dataclass(frozen=True)
class _Fits:
    """Data and codes that the methods use for one corruption, each computed when first needed."""

    dataset: Dataset
    corrupt: Corrupt
    limit: int

    @functools.cached_property
    def train(self) -> np.ndarray:
        return flat(self.dataset.train.arrays(self.limit)["image"])

    @functools.cached_property
    def test(self) -> tuple[np.ndarray, np.ndarray]:
        """(clean, noisy) test images [N, H, W, C]."""
        image = self.dataset.test.arrays()["image"]
        return image, np.asarray(self.corrupt(image, 0))

    @functools.cached_property
    def validation(self) -> tuple[np.ndarray, np.ndarray]:
        image = self.dataset.validation.arrays(VALIDATION)["image"]
        return image, np.asarray(self.corrupt(image, 1))

    @functools.cached_property
    def components(self) -> Any:
        """Principal components and means of the clean images."""
        return fitted_pca(self.train, max(SIZES))

    @property
    def sizes(self) -> list[int]:
        return sorted({min(size, int(self.components.n_components_)) for size in SIZES})

    def code(self, noisy: np.ndarray) -> np.ndarray:
        return self.components.transform(flat(noisy))

    def unchanged(self) -> np.ndarray:
        return self.test[1]

    def projected(self) -> np.ndarray:
        """Noisy images, projected on as many components as is best on validation."""

        def project(code: np.ndarray, size: int) -> np.ndarray:
            return code[:, :size] @ self.components.components_[:size] + self.components.mean_

        clean, noisy = self.validation
        code = self.code(noisy)
        best = min(self.sizes, key=lambda size: mse(project(code, size), flat(clean)))
        return project(self.code(self.test[1]), best)

    def regressed(self) -> np.ndarray:
        """Clean images from the codes of noisy ones by ridge regression, size and penalty best on validation."""
        from sklearn.linear_model import Ridge

        copies = [self.code(np.asarray(self.corrupt(self.train, seed))) for seed in range(2, 2 + COPIES)]
        codes, targets = np.concatenate(copies), np.tile(self.train, (COPIES, 1))
        clean, noisy = self.validation
        code, best, lowest = self.code(noisy), None, np.inf
        for size in self.sizes:
            for penalty in PENALTIES:
                model = Ridge(penalty).fit(codes[:, :size], targets)
                error = mse(model.predict(code[:, :size]), flat(clean))
                if best is None or error < lowest:
                    best, lowest = (size, model), error
        assert best is not None
        size, model = best
        return model.predict(self.code(self.test[1])[:, :size])

    def averaged(self) -> np.ndarray:
        """Non-local means with the strength that is best on validation."""
        clean, noisy = self.validation
        best = min(STRENGTHS, key=lambda strength: mse(nonlocal_means(noisy, strength), clean))
        return nonlocal_means(self.test[1], best)


METHODS: dict[str, Callable[[_Fits], np.ndarray]] = {
    "noisy image": _Fits.unchanged,
    "PCA": _Fits.projected,
    "PCA + ridge": _Fits.regressed,
    "non-local means": _Fits.averaged,
}


def denoisers(dataset: Dataset, corruptions: Mapping[str, Corrupt], *, limit: int = LIMIT) -> Thunks:
    """{"noisy image", "PCA", "PCA + ridge", "non-local means": thunk}, settings chosen on the validation split.

    corruptions: {name: function (images [N, ...], seed) -> corrupted images}; test images are corrupted with seed
        0, those of validation with seed 1, training images with others.

    Metrics: `mse_<name>`, squared error per pixel of the test images under each corruption.
    Arrays: `<name>`, the first 100 test images as they were denoised, [100, H, W, C].
    """
    fits = {name: _Fits(dataset, corrupt, limit) for name, corrupt in corruptions.items()}

    def row(method: Callable[[_Fits], np.ndarray]) -> Measured:
        metrics, arrays = {}, {}
        for name, fit in fits.items():
            clean = fit.test[0]
            output = method(fit).reshape(clean.shape)
            metrics[f"mse_{name}"], arrays[name] = mse(output, clean), output[:SHOWN]
        return Measured(metrics, arrays)

    return {name: functools.partial(row, method) for name, method in METHODS.items()}


def mse(a: np.ndarray, b: np.ndarray) -> float:
    """Mean squared difference of two arrays of the same shape."""
    return float(np.square(a - b).mean())
