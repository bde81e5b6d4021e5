"""The distribution p(x|z) that a decoder parametrises: Bernoulli, Gaussian on grey levels, discretised logistics.

Each has `parts`, the number of the decoder's outputs for a pixel; `observe(grey, key)`, the x that is modelled,
from grey levels in [0, 1] and a function that gives a key where one is needed; `log_likelihood(outputs, x)` in
nats, summed over pixels; `mean(outputs)`, E[x|z]. Outputs are [..., pixels · parts], x [..., pixels]. `bin_width`
turns a density into probabilities of grey levels (`deeplearn.metrics.bounds.bits_per_dim`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import ClassVar

import jax
import jax.numpy as jnp

from deeplearn.losses.discretised_logistic import (
    discretised_logistic_log_likelihood,
    discretised_logistic_probabilities,
)
from deeplearn.losses.elbo import bernoulli_log_likelihood, gaussian_log_density
from deeplearn.nn.checks import assert_shapes


@dataclasses.dataclass(frozen=True)
class Bernoulli:
    """Independent pixels in {0, 1}; the output is a logit. Grey images are cut at ½.

    With cut=False grey levels are kept, as probabilities: the cross-entropy to them, which is no likelihood.
    """

    cut: bool = True
    parts: ClassVar[int] = 1
    bin_width: ClassVar[float] = 1.0

    def observe(self, grey: jax.Array, key: Callable[[], jax.Array]) -> jax.Array:
        return (grey > 0.5).astype(jnp.float32) if self.cut else grey

    def log_likelihood(self, outputs: jax.Array, x: jax.Array) -> jax.Array:
        _assert_pixels(outputs, x, self.parts)
        return bernoulli_log_likelihood(outputs, x)

    def mean(self, outputs: jax.Array) -> jax.Array:
        return jax.nn.sigmoid(outputs)


@dataclasses.dataclass(frozen=True)
class Gaussian:
    """A density; the outputs are mean and log-variance.

    On grey levels it could grow without bound, so uniform noise spreads each level over its bin, drawn anew each
    time (Theis et al. 2016, section 3.1): its nats are then an upper bound on those of the levels.
    """

    levels: int
    parts: ClassVar[int] = 2

    @property
    def bin_width(self) -> float:
        return 1 / (self.levels - 1)

    def observe(self, grey: jax.Array, key: Callable[[], jax.Array]) -> jax.Array:
        return grey + (jax.random.uniform(key(), grey.shape) - 0.5) * self.bin_width

    def log_likelihood(self, outputs: jax.Array, x: jax.Array) -> jax.Array:
        _assert_pixels(outputs, x, self.parts)
        pairs = outputs.reshape(*outputs.shape[:-1], -1, 2)
        return gaussian_log_density(x, pairs[..., 0], pairs[..., 1])

    def mean(self, outputs: jax.Array) -> jax.Array:
        return outputs[..., ::2]


@dataclasses.dataclass(frozen=True)
class Logistic:
    """Probabilities of grey levels k / (levels − 1); the outputs are logits, means and log-scales of a mixture."""

    levels: int
    components: int = 1
    bin_width: ClassVar[float] = 1.0

    @property
    def parts(self) -> int:
        return 3 * self.components

    def _parameters(self, outputs: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        split = outputs.reshape(*outputs.shape[:-1], -1, 3, self.components)
        # Outputs of zero are means of ½ and scales of .14; the smallest scale is that of PixelCNN++.
        return split[..., 0, :], split[..., 1, :] + 0.5, jnp.clip(split[..., 2, :] - 2, -7, 3)

    def observe(self, grey: jax.Array, key: Callable[[], jax.Array]) -> jax.Array:
        return grey

    def log_likelihood(self, outputs: jax.Array, x: jax.Array) -> jax.Array:
        _assert_pixels(outputs, x, self.parts)
        return discretised_logistic_log_likelihood(x, *self._parameters(outputs), self.levels)

    def probabilities(self, outputs: jax.Array) -> jax.Array:
        """Of each level: [..., pixels · parts] -> [..., pixels, levels]."""
        return discretised_logistic_probabilities(*self._parameters(outputs), self.levels)

    def mean(self, outputs: jax.Array) -> jax.Array:
        return self.probabilities(outputs) @ jnp.linspace(0, 1, self.levels)


def _assert_pixels(outputs: jax.Array, x: jax.Array, parts: int) -> None:
    assert_shapes(x=(x, "... pixels"), outputs=(outputs, f"... {parts * x.shape[-1]}"))


Likelihood = Bernoulli | Gaussian | Logistic
