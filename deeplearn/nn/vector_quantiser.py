"""Vectors replaced by the nearest of a codebook that follows them (van den Oord et al. 2017, VQ-VAE)."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.nn.checks import assert_integers, assert_shapes

USED = 0.1  # a code that fewer vectors of a batch chose, on average, is dead


class VectorQuantiser(nn.Module):
    """z [..., features] -> (quantised [..., features], codes int32 [...], commitment []).

    The nearest vectors of the codebook; the gradient passes straight through them to z (section 3.2). commitment:
    E ‖z − sg(e)‖², a mean over elements, by which an encoder stays near its codes (equation 3, third term). The
    codebook is no parameter: in the collection "codebook" each vector is the moving average of those that chose it
    (appendix A.1), in every call where that is mutable. A dead code becomes one of the batch's vectors, drawn from
    the stream "noise", which is how all of them begin, too (Dhariwal et al. 2020, "Jukebox", section 3.1).

    codes: how many. decay and epsilon: of the averages.
    """

    codes: int
    features: int
    decay: float = 0.99
    epsilon: float = 1e-5

    def setup(self) -> None:
        self.vectors = self.variable("codebook", "vectors", jnp.zeros, (self.codes, self.features))
        self.counts = self.variable("codebook", "counts", jnp.zeros, (self.codes,))
        self.sums = self.variable("codebook", "sums", jnp.zeros, (self.codes, self.features))

    def __call__(self, z: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        assert_shapes(z=(z, f"... {self.features}"))
        z = z.astype(jnp.float32)  # half precision would not tell near codes apart
        flat = jax.lax.stop_gradient(z.reshape(-1, self.features))
        if self.is_mutable_collection("codebook") and not self.is_initializing():
            self._revive(flat)
            codes = self.nearest(flat)
            self._follow(flat, codes)
        else:
            codes = self.nearest(flat)
        chosen = self.vectors.value[codes].reshape(z.shape)
        commitment = jnp.square(z - jax.lax.stop_gradient(chosen)).mean()
        return z + jax.lax.stop_gradient(chosen - z), codes.reshape(z.shape[:-1]), commitment

    def nearest(self, flat: jax.Array) -> jax.Array:
        """int32 [N]: of each vector [N, features] the nearest code."""
        vectors = self.vectors.value
        return (jnp.square(vectors).sum(-1) - 2 * flat @ vectors.T).argmin(-1).astype(jnp.int32)

    def look_up(self, codes: jax.Array) -> jax.Array:
        """Codes int32 [...] -> their vectors [..., features]."""
        assert_integers(codes=codes)
        return self.vectors.value[codes]

    def _revive(self, flat: jax.Array) -> None:
        dead = self.counts.value < USED
        rows = jax.random.randint(self.make_rng("noise"), (self.codes,), 0, len(flat))
        self.vectors.value = jnp.where(dead[:, None], flat[rows], self.vectors.value)
        self.sums.value = jnp.where(dead[:, None], flat[rows], self.sums.value)
        self.counts.value = jnp.where(dead, 1.0, self.counts.value)

    def _follow(self, flat: jax.Array, codes: jax.Array) -> None:
        chose = jax.nn.one_hot(codes, self.codes, dtype=flat.dtype)
        self.counts.value = self.decay * self.counts.value + (1 - self.decay) * chose.sum(0)
        self.sums.value = self.decay * self.sums.value + (1 - self.decay) * chose.T @ flat
        # Smoothed, so that no code is divided by nothing.
        total = self.counts.value.sum()
        smoothed = (self.counts.value + self.epsilon) / (total + self.codes * self.epsilon) * total
        self.vectors.value = self.sums.value / smoothed[:, None]


class GumbelQuantiser(nn.Module):
    """Logits [..., codes] -> (a mixture of the codebook [..., features], codes int32 [...], KL []).

    The codebook's vectors, learnt as parameters, weighted by a sample of the Gumbel-softmax (Jang et al. 2017,
    equation 2), drawn from the stream "noise"; with temperature 0 the most probable one. KL: of the categorical
    that the logits describe from the uniform one, in nats, a mean over places (Ramesh et al. 2021, section 2.1).
    """

    codes: int
    features: int

    def setup(self) -> None:
        self.vectors = self.param("vectors", nn.initializers.normal(1.0), (self.codes, self.features))

    def __call__(self, logits: jax.Array, temperature: jax.Array | float) -> tuple[jax.Array, jax.Array, jax.Array]:
        assert_shapes(logits=(logits, f"... {self.codes}"))
        logits = logits.astype(jnp.float32)
        codes = logits.argmax(-1).astype(jnp.int32)
        log_q = jax.nn.log_softmax(logits)
        kl = (jnp.exp(log_q) * (log_q + jnp.log(self.codes))).sum(-1).mean()
        if isinstance(temperature, float) and temperature == 0:
            return self.vectors[codes], codes, kl
        noise = jax.random.gumbel(self.make_rng("noise"), logits.shape)
        return jax.nn.softmax((logits + noise) / temperature) @ self.vectors, codes, kl

    def look_up(self, codes: jax.Array) -> jax.Array:
        """Codes int32 [...] -> their vectors [..., features]."""
        assert_integers(codes=codes)
        return self.vectors[codes]
