"""A diffusion model: a denoiser, the scale of its data, and samples.

The objective is in `deeplearn.losses.diffusion`, noise levels in `deeplearn.nn.noise`.
"""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import numpy as np

from deeplearn.models.samplers import SAMPLERS, Denoiser, sample
from deeplearn.nn.noise import denoised_and_noise, even_ratios, sampling_ratios

Arrays = tuple[Any, ...]


class Diffusion(nn.Module):
    """A denoiser, the scaling of data to zero mean and unit variance, and the noise that it is trained on.

    denoiser: (x_t [batch, ...] of unit variance, ratio [batch], *condition) -> [batch, ...], such as those of
        `deeplearn.models.denoiser`, whose condition is a label. A condition is arrays [batch, ...].
    mean, std: of the data's elements.
    prediction, schedule, noise_scale: what the denoiser predicts and at which levels (`deeplearn.nn.noise`).
    """

    denoiser: nn.Module
    mean: float
    std: float
    prediction: str = "v"
    schedule: str = "lognormal"
    noise_scale: float = 1.0

    def normalise(self, x: jax.Array) -> jax.Array:
        return (x - self.mean) / self.std

    def restore(self, x: jax.Array) -> jax.Array:
        return x * self.std + self.mean

    def estimate(
        self, noised: jax.Array, ratio: jax.Array, condition: Arrays, free: Arrays = (), guidance: Any = None
    ) -> tuple[jax.Array, jax.Array]:
        """x̂ and ε̂, pushed away from the unconditional estimate by the guidance w.

        (1 + w) · conditional − w · unconditional (Ho & Salimans 2021, equation 6). condition: what the denoiser
        takes beside x_t and its ratio. free: the same where nothing is asked for, wanted with guidance. guidance:
        w, or None for 0, which needs no unconditional estimate.
        """
        output = self.denoiser(noised, ratio, *condition)
        if guidance is not None:
            output = (1 + guidance) * output - guidance * self.denoiser(noised, ratio, *free)
        return denoised_and_noise(output, noised, ratio, self.prediction)


def strength(guidance: float) -> np.ndarray | None:
    """A guidance as `Diffusion.estimate` takes it: an array, so that another one is not compiled anew."""
    return np.asarray(guidance, np.float32) if guidance else None


def denoiser_of(trained: Any, condition: Arrays, free: Arrays = (), guidance: float = 0.0) -> Denoiser:
    """(x_t, ratio) -> (x̂, ε̂) of a `deeplearn.train.Trained` whose model is a `Diffusion`, compiled.

    condition, free, guidance: as in `Diffusion.estimate`.
    """

    def denoiser(x: jax.Array, ratio: jax.Array) -> tuple[jax.Array, jax.Array]:
        found: tuple[jax.Array, jax.Array] = trained(
            Diffusion.estimate, x, ratio, condition, free, strength(guidance)
        )
        return found

    return denoiser


def visited(model: Any, sampler: str, steps: int) -> jax.Array:
    """The ratios [steps + 1] that a sampler visits for a `Diffusion`, falling to 0.

    Heun and DPM-Solver++ solve the same equation whatever schedule was trained with, each best on its paper's grid.
    DDPM and DDIM visit the schedule's own.
    """
    if sampler == "dpm++":
        return even_ratios(steps)
    return sampling_ratios("lognormal" if sampler == "heun" else model.schedule, steps, model.noise_scale)


def diffusion_samples(
    trained: Any,
    condition: Arrays,
    shape: tuple[int, ...],
    *,
    free: Arrays = (),
    sampler: str = "heun",
    steps: int = 40,
    guidance: float = 0.0,
) -> np.ndarray:
    """One sample in the data's units for each row of the condition, arrays [n, ...]: [n, *shape].

    trained: a `deeplearn.train.Trained` whose model is a `Diffusion`. condition, free, guidance: as in
    `Diffusion.estimate`. sampler: a name in `SAMPLERS`. steps: levels that it visits.
    """
    denoiser, ratios = denoiser_of(trained, condition, free, guidance), visited(trained.model, sampler, steps)
    x = sample(SAMPLERS[sampler], denoiser, trained.key, (len(condition[0]), *shape), ratios)
    return np.asarray(trained(Diffusion.restore, x))
