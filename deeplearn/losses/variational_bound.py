"""The nats that a diffusion model needs for an image of grey levels: its bound (Kingma et al. 2021, VDM).

With x of unit variance, z_r = α x + σ ε of ratio r = σ/α from the smallest r₀ to the largest r₁, and an estimate ε̂,

    −log p(x) ≤ KL(q(z_{r₁}|x) ‖ N(0, 1)) + E[−log p(x|z_{r₀})] + ∫ E ‖ε − ε̂(z_r, r)‖² d log r.

The integral is their continuous-time loss (equation 15, log SNR = −2 log r): of a given r₀ and r₁ it depends on no
schedule. Their decoder (equation 8) gives each level the probability in proportion to q(z_{r₀}|level): the smaller
r₀ is beside the levels' spacing, the surer it is, and the more the denoiser must know of levels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from deeplearn.nn.checks import assert_shapes
from deeplearn.nn.noise import LARGEST, over, signal_and_noise

if TYPE_CHECKING:
    from deeplearn.models.diffusion import Diffusion

Denoiser = Callable[[jax.Array, jax.Array], tuple[jax.Array, jax.Array]]  # as in `deeplearn.models.samplers`

SMALLEST_STEP = 0.2  # r₀ beside the spacing of levels


def variational_bound(
    denoiser: Denoiser,
    x: jax.Array,
    grid: jax.Array,
    key: jax.Array,
    smallest: float | jax.Array,
    largest: float = LARGEST,
) -> dict[str, jax.Array]:
    """Nats an example, each an estimate [batch] by one draw, without bias: `prior`, `decoder`, `denoising`, and
    `nats`, their sum.

    x: [batch, ...] of unit variance, each element one of grid [levels]. smallest, largest: r₀ and r₁.
    """
    assert_shapes(x=(x, "batch ..."), grid=(grid, "levels"))
    key_level, key_noise, key_least = jax.random.split(key, 3)
    axes = tuple(range(1, x.ndim))

    # 1. The prior: what noise of the largest ratio still tells of x.
    alpha, sigma = signal_and_noise(jnp.float32(largest))
    prior = ((alpha * x) ** 2 + sigma**2 - 1 - jnp.log(sigma**2)).sum(axes) / 2

    # 2. The decoder: levels by their distance to x + r₀ ε.
    seen = x + smallest * jax.random.normal(key_least, x.shape)
    logits = -(((seen[..., None] - grid) / smallest) ** 2) / 2
    nearest = jnp.abs(x[..., None] - grid).argmin(-1)
    decoder = -jnp.take_along_axis(jax.nn.log_softmax(logits), nearest[..., None], -1)[..., 0].sum(axes)

    # 3. Denoising, at one level an example: together they spread evenly over log r.
    span = jnp.log(largest / smallest)
    ratio = smallest * jnp.exp(span * ((jax.random.uniform(key_level) + jnp.arange(len(x)) / len(x)) % 1.0))
    alpha, sigma = (over(level, x) for level in signal_and_noise(ratio))
    noise = jax.random.normal(key_noise, x.shape)
    found = denoiser(alpha * x + sigma * noise, ratio)[1]
    assert_shapes(x=(x, "*shape"), **{"denoiser's ε̂": (found, "*shape")})
    denoising = span * jnp.square(noise - found).sum(axes)
    return {"prior": prior, "decoder": decoder, "denoising": denoising, "nats": prior + decoder + denoising}


def diffusion_bound(
    model: Diffusion, image: jax.Array, levels: int, *condition: jax.Array, step: float = SMALLEST_STEP
) -> dict[str, jax.Array]:
    """`variational_bound` of a bound diffusion model for images [batch, H, W, C] of levels k / (levels − 1).

    condition: as the denoiser takes it. step: r₀ in units of the levels' spacing. Draws from the stream "noise".
    """
    grid = model.normalise(jnp.arange(levels) / (levels - 1))

    def denoiser(noised: jax.Array, ratio: jax.Array) -> tuple[jax.Array, jax.Array]:
        return model.estimate(noised, ratio, condition)

    smallest = step * (grid[1] - grid[0])
    return variational_bound(denoiser, model.normalise(image), grid, model.make_rng("noise"), smallest)
