"""Pictures from small ones: by a diffusion model that is told nothing else, or by one call of its network."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from deeplearn.models.diffusion import Arrays, Diffusion
from deeplearn.models.imagen import enlarge, seen_small
from deeplearn.models.text_unet import nothing_said
from deeplearn.nn.functional import area_means


def told(model: Diffusion, image: jax.Array, t: Any, *, small: int) -> Arrays:
    """What the denoiser is told of pictures [B, H, W, C]: how they look at `small` pixels (see `seen_small`)."""
    known = seen_small(area_means(image, small), min(image.shape[1:3]), t, model.make_rng("noise"))
    return (*nothing_said(len(image)), *known)


def interpolated(image: Any, small: int) -> jax.Array:
    """Pictures [B, H, W, C] made `small` pixels a side and, by cubic interpolation, as large as before."""
    return enlarge(area_means(image, small), min(image.shape[1:3]))


def details(image: Any, small: int) -> jax.Array:
    """What pictures [B, H, W, C] have that is lost at `small` pixels of a side, and cubic interpolation lacks."""
    return image - interpolated(image, small)


def regressed(model: Diffusion, image: jax.Array, *, small: int) -> jax.Array:
    """The pictures again, [B, H, W, C], from how they look at `small` pixels.

    One call of the same network says what cubic interpolation lacks."""
    beneath, ones = interpolated(image, small), jnp.ones(len(image))
    known = 2 * beneath - 1
    return beneath + model.restore(model.denoiser(known, ones, *nothing_said(len(image)), known, ones))
