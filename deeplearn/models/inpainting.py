"""RePaint: a diffusion model fills in what is hidden of a picture (Lugmayr et al. 2022)."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np

from deeplearn.models.samplers import Denoiser, ddpm_step
from deeplearn.nn.checks import assert_broadcastable, assert_shapes
from deeplearn.nn.noise import signal_and_noise


def repaint_path(levels: int, jump: int, resample: int) -> list[int]:
    """The levels that RePaint visits, from `levels`, pure noise, to 0, data, each next to the one before.

    From every `jump`-th noised level it goes back up by `jump` levels and down again, `resample` − 1 times (Lugmayr
    et al. 2022, appendix A, where the lowest level that is noised is 0).
    """
    left = dict.fromkeys(range(1, levels - jump + 1, jump), resample - 1)
    path, level = [levels], levels
    while level > 0:
        level -= 1
        path.append(level)
        if left.get(level, 0):
            left[level] -= 1
            path.extend(range(level + 1, level + jump + 1))
            level += jump
    return path


def inpaint(
    denoiser: Denoiser,
    known: jax.Array,
    visible: jax.Array | np.ndarray,
    key: jax.Array,
    ratios: jax.Array,
    jump: int = 10,
    resample: int = 10,
) -> jax.Array:
    """Pictures [batch, ...] of unit variance whose visible part is that of `known`, the rest drawn by the denoiser.

    Each step down is DDPM's for the hidden part and noise on what is known for the visible one (Lugmayr et al.
    2022, equation 8). Where the two meet they do not yet agree, since the visible part does not follow the hidden
    one: steps back up and down again, `resample` in all over `jump` levels, let them. With resample = 1 this is
    plain replacement (Song et al. 2021, "Score-based", appendix I.2), which does not draw from the conditional.

    visible: bool, broadcast to `known`. ratios: [levels + 1], falling to 0.
    """
    assert_shapes(known=(known, "batch ..."), ratios=(ratios, "levels"))
    assert_broadcastable(visible=visible, known=known)
    path = repaint_path(len(ratios) - 1, jump, resample)
    x = jax.random.normal(jax.random.fold_in(key, 0), known.shape)
    for number, (level, following) in enumerate(itertools.pairwise(path)):
        key_hidden, key_visible = jax.random.split(jax.random.fold_in(key, number + 1))
        now, then = ratios[len(ratios) - 1 - level], ratios[len(ratios) - 1 - following]
        alpha, sigma = signal_and_noise(then)
        if following < level:
            x, _ = ddpm_step(denoiser, x, now, then, key_hidden)
            noised = alpha * known + sigma * jax.random.normal(key_visible, known.shape)
            x = jnp.where(visible, noised, x)
        else:
            kept = alpha / signal_and_noise(now)[0]
            x = kept * x + jnp.sqrt(1 - kept**2) * jax.random.normal(key_hidden, x.shape)
    return x
