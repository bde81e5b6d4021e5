"""The Dirac-GAN, the smallest game whose training need not converge (Mescheder et al. 2018, section 2).

The data are one point at 0, the generator makes one point θ, the discriminator's logit is D(x) = ψ x: the game's
equilibrium is θ = ψ = 0. Near it a step of gradient descent is a 2×2 matrix, so its eigenvalues say what happens.
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from deeplearn import train as dl
from deeplearn.losses.adversarial import GAMES, r1_penalty
from deeplearn.metrics.history import record, recorded

# By game, the slope c of the losses at the equilibrium: dL_D/dψ = c θ and dL_G/dθ = −c ψ.
SLOPES = {"non_saturating": 0.5, "saturating": 0.5, "wasserstein": 1.0}


class Numbers(nn.Module):
    """() -> its parameters, numbers [n] that start at `values`."""

    values: tuple[float, ...]

    @nn.compact
    def __call__(self) -> jax.Array:
        value: jax.Array = self.param("value", lambda _: jnp.asarray(self.values, jnp.float32))
        return value


class DiracGAN(nn.Module):
    """Several games beside each other, which start at (θ, ψ) = `starts`; those of one module do not interact."""

    starts: tuple[tuple[float, float], ...]
    game: str
    r1: float  # γ of the penalty γ/2 ψ²

    def setup(self) -> None:
        thetas, psis = zip(*self.starts, strict=True)
        self.generator, self.discriminator = Numbers(thetas), Numbers(psis)


def judged(model: DiracGAN, batch: dl.Batch, steps: int) -> jax.Array:
    """The sum of the discriminators' losses; it records where the games stand in each of the `steps`."""
    theta, psi = jax.lax.stop_gradient(model.generator()), model.discriminator()
    record(model, "orbit", jnp.stack([theta, psi], -1), batch["step"], steps, points=steps)
    games = len(theta)
    loss = games * GAMES[model.game].discriminator(0 * psi, psi * theta)
    return loss + model.r1 / 2 * games * r1_penalty(lambda x: psi * x, jnp.zeros_like(psi))


def made(model: DiracGAN) -> jax.Array:
    """The sum of the generators' losses."""
    theta, psi = model.generator(), jax.lax.stop_gradient(model.discriminator())
    return len(theta) * GAMES[model.game].generator(psi * theta)


def discriminate(model: DiracGAN, batch: dl.Batch, steps: int) -> dl.Losses:
    """The discriminators' turn, of `steps` of the run."""
    return judged(model, batch, steps), {}


def generate(model: DiracGAN, batch: dl.Batch) -> dl.Losses:
    """The generators' turn."""
    return made(model), {}


def both(model: DiracGAN, batch: dl.Batch, steps: int) -> dl.Losses:
    """The sum of both losses, of which each player sees its own: descent on it is simultaneous."""
    return judged(model, batch, steps) + made(model), {}


def orbits(trained: dl.Trained, steps: int) -> np.ndarray:
    """(θ, ψ) of each game before each step: [steps, games, 2]."""
    return recorded(trained.variables, "orbit", steps)[1].reshape(steps, -1, 2)


def step_matrix(game: str, rate: float, r1: float, alternating: bool) -> np.ndarray:
    """[2, 2]: (θ, ψ) after a step from (θ, ψ) near the equilibrium; the discriminator moves first in alternation.

    Simultaneous: its eigenvalues are 1 − hγ/2 ± h √(γ²/4 − c²), of modulus √(1 + h²c²) > 1 without R1. Alternating:
    their product is 1 − hγ, so that they lie on the unit circle without R1 where h c < 2.
    """
    c = SLOPES[game]
    discriminator = np.array([[1, 0], [-rate * c, 1 - rate * r1]])
    generator = np.array([[1, rate * c], [0, 1]])
    return generator @ discriminator if alternating else generator + discriminator - np.eye(2)


def measured_matrix(orbit: np.ndarray) -> np.ndarray:
    """[2, 2]: the matrix that leads from each point of an orbit [steps, 2] near the equilibrium to the next.

    By least squares, errors relative to the distance from the equilibrium.
    """
    distance = np.linalg.norm(orbit[:-1], axis=-1, keepdims=True)
    found, *_ = np.linalg.lstsq(orbit[:-1] / distance, orbit[1:] / distance)
    return found.T


def modulus(matrix: np.ndarray) -> float:
    """Of the larger eigenvalue: by which factor a step changes the distance to the equilibrium in the long run."""
    return float(abs(np.linalg.eigvals(matrix)).max())
