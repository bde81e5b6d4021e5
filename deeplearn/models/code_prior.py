"""Priors over a picture's codes, by which new ones are drawn: gated PixelCNNs, or a transformer."""

from __future__ import annotations

import math
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.models.pixelcnn import PixelCNN
from deeplearn.models.vqvae import VQVAE
from deeplearn.nn.checks import assert_integers, assert_shapes
from deeplearn.nn.decoding import draw, sample
from deeplearn.nn.positions import LearnedPositions
from deeplearn.nn.transformer import Decoder

PRIORS = ("transformer", "pixelcnn")
Grids = tuple[tuple[int, int], ...]


class TransformerPrior(nn.Module):
    """Codes int32 [B, tokens] of all levels, the coarser first -> logits [B, tokens, codes] given those before."""

    codes: int
    grids: Grids
    width: int = 128
    layers: int = 4
    heads: int = 4
    dropout: float = 0.1

    def setup(self) -> None:
        self.tokens = sum(map(math.prod, self.grids))
        # Each level has codes of its own; the last row begins a picture.
        rows = len(self.grids) * self.codes + 1
        self.embedding = nn.Embed(rows, self.width, embedding_init=nn.initializers.normal(0.02))
        self.positions = LearnedPositions(self.tokens)
        self.decoder = Decoder(
            self.layers, self.heads, 4 * self.width, self.dropout, length=self.tokens, activation="gelu"
        )
        self.head = nn.Dense(self.codes)

    def __call__(self, codes: jax.Array, train: bool = False) -> jax.Array:
        assert_shapes(codes=(codes, "batch tokens"))
        assert_integers(codes=codes)
        rows = codes + self.codes * self._levels()
        begin = jnp.full((len(codes), 1), len(self.grids) * self.codes)
        return self._logits(jnp.concatenate([begin, rows[:, :-1]], 1), train, decode=False)

    def _logits(self, rows: jax.Array, train: bool, decode: bool) -> jax.Array:
        x = self.positions(self.embedding(rows), decode)
        return self.head(self.decoder(x, train, decode=decode))

    def _levels(self) -> jax.Array:
        """Which level each token is of."""
        return jnp.concatenate([jnp.full(math.prod(grid), level) for level, grid in enumerate(self.grids)])

    def draw(self, count: int, temperature: float = 1.0) -> jax.Array:
        """New codes int32 [count, tokens], one after another with a cache, from the stream "noise"."""
        prior, variables = self.unbind()
        levels = self._levels()

        def logits(cache: Any, rows: jax.Array) -> tuple[jax.Array, Any]:
            return prior.apply(
                variables | cache, rows[:, None], False, True, method=TransformerPrior._logits, mutable=["cache"]
            )

        def step(state: Any, last: jax.Array) -> tuple[jax.Array, Any]:
            cache, place = state
            level = levels[jnp.maximum(place - 1, 0)]
            found, cache = logits(cache, jnp.where(place == 0, begin, last + self.codes * level))
            return found[:, 0], (cache, place + 1)

        begin = jnp.full(count, len(self.grids) * self.codes)
        empty = jax.tree.map(jnp.zeros_like, logits({}, begin)[1])
        key = self.make_rng("noise")
        return sample(step, (empty, jnp.array(0)), begin, key, steps=self.tokens, end=-1, temperature=temperature)


class PixelCNNPrior(nn.Module):
    """As `TransformerPrior`, by a PixelCNN for each level; the finer one knows the coarser codes."""

    codes: int
    grids: Grids
    width: int = 64
    layers: int = 5

    def setup(self) -> None:
        self.nets = [PixelCNN(self.codes, self.width, self.layers) for _ in self.grids]
        if len(self.grids) == 2:
            self.coarse = nn.Embed(self.codes, self.width)

    def __call__(self, codes: jax.Array, train: bool = False) -> jax.Array:
        assert_shapes(codes=(codes, "batch tokens"))
        assert_integers(codes=codes)
        levels = self._levels(codes)
        both = zip(self.nets, levels, strict=True)
        logits = [net(level, self._known(levels, number)) for number, (net, level) in enumerate(both)]
        return jnp.concatenate([one.reshape(len(codes), -1, self.codes) for one in logits], 1)

    def draw(self, count: int, temperature: float = 1.0) -> jax.Array:
        """New codes int32 [count, tokens], one place after another, from the stream "noise"."""
        prior, variables = self.unbind()
        tokens = sum(map(math.prod, self.grids))
        key = self.make_rng("noise")

        def place(number: jax.Array, codes: jax.Array) -> jax.Array:
            logits: Any = prior.apply(variables, codes)
            return codes.at[:, number].set(draw(jax.random.fold_in(key, number), logits[:, number], temperature))

        return jax.lax.fori_loop(0, tokens, place, jnp.zeros((count, tokens), jnp.int32))

    def _levels(self, codes: jax.Array) -> list[jax.Array]:
        parts = jnp.split(codes, [math.prod(self.grids[0])], 1) if len(self.grids) == 2 else [codes]
        return [part.reshape(-1, *grid) for part, grid in zip(parts, self.grids, strict=True)]

    def _known(self, levels: list[jax.Array], number: int) -> jax.Array | None:
        if not number:
            return None
        return self.coarse(levels[0]).repeat(2, axis=1).repeat(2, axis=2)


class CodeModel(nn.Module):
    """A discrete code and the prior over it."""

    code: VQVAE
    prior: nn.Module


def code_prior(kind: str, code: VQVAE, width: int, layers: int) -> nn.Module:
    """One of PRIORS for these codes."""
    if kind == "pixelcnn":
        return PixelCNNPrior(code.codes, code.grids, width, layers)
    return TransformerPrior(code.codes, code.grids, width, layers)
