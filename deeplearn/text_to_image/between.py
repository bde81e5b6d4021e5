"""Ways from one picture to another: through a diffusion model's noise, through a VAE's codes, in pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from deeplearn import train as dl
from deeplearn.data import Dataset
from deeplearn.judge import sample_count
from deeplearn.models.diffusion import Diffusion, denoiser_of, visited
from deeplearn.models.samplers import SAMPLERS, follow
from deeplearn.models.vae import VAE
from deeplearn.nn.great_circle import along_great_circle
from deeplearn.text_to_image.class_diffusion import no_class

# (pictures [N, H, W, C] in [0, 1], others, fractions of the way [S]) -> pictures [S, N, H, W, C].
Between = Callable[[np.ndarray, np.ndarray, Sequence[float]], np.ndarray]
Mix = Callable[[Any, Any, float], Any]


def straight(a: Any, b: Any, fraction: float) -> Any:
    """Along the straight line, arrays of any shape."""
    return (1 - fraction) * a + fraction * b


def circle(a: Any, b: Any, fraction: float) -> Any:
    """Along the great circle between noises [N, ...]."""
    flat = along_great_circle(a.reshape(len(a), -1), b.reshape(len(b), -1), jnp.float32(fraction))
    return flat.reshape(a.shape)


def through_noise(trained: dl.Trained, dataset: Dataset, mix: Mix, *, sampler: str, steps: int) -> Between:
    """Each picture is led to its noise by a trained `Diffusion` that is told no class, and the mixed noises back.

    sampler: one that draws nothing and can lead both ways, "ddim" or "heun". steps: levels that it visits.
    """
    ratios = visited(trained.model, sampler, steps)

    def way(x: Any, along: Any) -> Any:
        denoiser = denoiser_of(trained, (no_class(len(x), dataset),))
        return follow(SAMPLERS[sampler], denoiser, trained.key, x, along)

    def noise(image: np.ndarray) -> Any:
        return way(trained(Diffusion.normalise, image), ratios[-2::-1])  # from the smallest ratio above 0

    def between(image: np.ndarray, other: np.ndarray, fractions: Sequence[float]) -> np.ndarray:
        ends = noise(image), noise(other)
        made = [trained(Diffusion.restore, way(mix(*ends, fraction), ratios)) for fraction in fractions]
        return np.clip(np.stack(made), 0, 1)

    return between


def through_codes(trained: dl.Trained) -> Between:
    """The straight line between the codes of a trained `VAE`."""

    def code(image: np.ndarray) -> Any:
        return trained(VAE.encode, trained(VAE.observe, image))[0]

    def between(image: np.ndarray, other: np.ndarray, fractions: Sequence[float]) -> np.ndarray:
        ends = code(image), code(other)
        made = [trained(VAE.mean_image, straight(*ends, fraction)) for fraction in fractions]
        return np.stack(made).reshape(-1, *image.shape)

    return between


def in_pixels(image: np.ndarray, other: np.ndarray, fractions: Sequence[float]) -> np.ndarray:
    return np.stack([straight(image, other, fraction) for fraction in fractions])


def pairs(dataset: Dataset, limit: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Rows of test pictures and, to each, another one."""
    one = dataset.test.arrays(sample_count(dataset, limit))
    order = np.random.default_rng(0).permutation(len(one["image"]))
    partner = np.empty_like(order)
    partner[order] = np.roll(order, 1)
    return one, {name: column[partner] for name, column in one.items()}
