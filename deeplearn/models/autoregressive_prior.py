"""DALL·E 2's autoregressive prior: a picture's vector as a sequence of codes (Ramesh et al. 2022, section 2.2)."""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.nn.checks import assert_integers, assert_shapes
from deeplearn.nn.decoding import sample
from deeplearn.nn.positions import LearnedPositions
from deeplearn.nn.transformer import Decoder


class AutoregressivePrior(nn.Module):
    """Principal components of a picture's vector [D], largest first, each cut into levels and drawn in its turn.

    A causal transformer reads the words (padding has a vector that is learned), the text's vector, the cosine of
    the text's and the picture's vector, cut into levels too, and the codes so far. Samples are asked for a cosine
    of the upper half of those that training has.

    The collection "components" is set once, before it trains: mean [D], directions [components, D], low and high
    [components], the range of each in training, and cosines [levels − 1], the quantiles of the cosine.

    vocabulary: number of tokens. length: of captions. features: D. width, layers, heads: of the transformer.
    """

    vocabulary: int
    length: int
    features: int
    components: int = 32
    levels: int = 64
    width: int = 128
    layers: int = 3
    heads: int = 4

    def setup(self) -> None:
        shapes: dict[str, tuple[int, ...]] = {
            "mean": (self.features,),
            "directions": (self.components, self.features),
            "low": (self.components,),
            "high": (self.components,),
            "cosines": (self.levels - 1,),
        }
        self.known = {name: self.variable("components", name, jnp.zeros, shape) for name, shape in shapes.items()}
        self.words = nn.Embed(self.vocabulary, self.width)
        self.text_vector = nn.Dense(self.width)
        self.codes = nn.Embed(self.levels, self.width)
        length = self.length + 2 + self.components
        self.positions = LearnedPositions(length)
        self.decoder = Decoder(self.layers, self.heads, 4 * self.width, 0.0, activation="gelu", length=length)
        self.out = nn.Dense(self.levels)

    def coded(self, vector: jax.Array) -> jax.Array:
        """Vectors [B, D] -> codes int32 [B, components]."""
        assert_shapes(vector=(vector, f"batch {self.features}"))
        along = (vector - self.known["mean"].value) @ self.known["directions"].value.T
        low, high = self.known["low"].value, self.known["high"].value
        share = (along - low) / jnp.maximum(high - low, 1e-9)
        return jnp.clip(share * self.levels, 0, self.levels - 1).astype(jnp.int32)

    def decoded(self, codes: jax.Array) -> jax.Array:
        """Codes int32 [B, components] -> vectors [B, D], each component in the middle of its level."""
        assert_integers(codes=codes)
        low, high = self.known["low"].value, self.known["high"].value
        along = low + (codes + 0.5) / self.levels * (high - low)
        return self.known["mean"].value + along @ self.known["directions"].value

    def _prefix(self, text_vector: jax.Array, tokens: jax.Array) -> jax.Array:
        assert_shapes(text_vector=(text_vector, f"batch {self.features}"), tokens=(tokens, f"batch {self.length}"))
        return jnp.concatenate([self.words(tokens), self.text_vector(text_vector)[:, None]], axis=1)

    def __call__(self, vector: jax.Array, text_vector: jax.Array, tokens: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Logits [B, components, levels] of each code by those before it, and the codes [B, components]."""
        assert_shapes(vector=(vector, "batch features"), text_vector=(text_vector, "batch features"))
        codes = self.coded(vector)
        cosine = jnp.searchsorted(self.known["cosines"].value, (vector * text_vector).sum(-1))
        before = jnp.concatenate([cosine[:, None], codes[:, :-1]], axis=1)
        prefix = self._prefix(text_vector, tokens)
        x = self.decoder(self.positions(jnp.concatenate([prefix, self.codes(before)], axis=1)), False)
        return self.out(x[:, prefix.shape[1] :]), codes

    def draw(self, text_vector: jax.Array, tokens: jax.Array) -> jax.Array:
        """A vector [B, D] of a picture for each caption, not of length 1; draws from the stream "noise"."""
        key, key_cosine = jax.random.split(self.make_rng("noise"))
        cosine = jax.random.randint(key_cosine, (len(tokens),), self.levels // 2, self.levels)
        prior, variables = self.unbind()

        def step(cache: Any, codes: jax.Array) -> tuple[jax.Array, Any]:
            logits: Any = prior.apply({**variables, **cache}, codes, method="_next", mutable=["cache"])
            return logits

        _, cache = prior.apply(variables, text_vector, tokens, method="_begin", mutable=["cache"])
        # No code ends the sequence: −1 is none.
        codes = sample(step, cache, cosine, key, steps=self.components, end=-1)
        return self.decoded(codes)

    def _begin(self, text_vector: jax.Array, tokens: jax.Array) -> jax.Array:
        """Leaves the prefix in the cache."""
        return self.decoder(self.positions(self._prefix(text_vector, tokens), True), False, decode=True)

    def _next(self, codes: jax.Array) -> jax.Array:
        """Logits [B, levels] of what comes after codes [B] and all before them, in the cache."""
        x = self.positions(self.codes(codes)[:, None], True)
        return self.out(self.decoder(x, False, decode=True)[:, 0])


def principal_components(vectors: Any, cosines: Any, components: int, levels: int) -> dict[str, jax.Array]:
    """The collection "components" for training pictures' vectors [N, D] and their cosines with captions [N]."""
    mean = jnp.mean(vectors, 0)
    _, _, directions = jnp.linalg.svd(vectors - mean, full_matrices=False)
    directions = directions[:components]
    along = (vectors - mean) @ directions.T
    return {
        "mean": mean,
        "directions": directions,
        "low": along.min(0),
        "high": along.max(0),
        "cosines": jnp.quantile(cosines, jnp.arange(1, levels) / levels),
    }
