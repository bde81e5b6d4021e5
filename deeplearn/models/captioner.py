"""From a picture to a sentence: an encoder of convolutions and a recurrent decoder, with or without attention.

With it the decoder looks at the places of a feature map, word by word (Xu et al. 2015, "Show, Attend and Tell",
soft attention). Without, it is shown one vector before the first word (Vinyals et al. 2015, "Show and Tell").
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.models.cnn import conv_norm
from deeplearn.nn.attention import BahdanauAttention
from deeplearn.nn.cells import Cell, LSTMCell
from deeplearn.nn.checks import IMAGES, assert_integers, assert_shapes
from deeplearn.nn.decoding import beam_search
from deeplearn.nn.pooling import max_pool


class Seen(NamedTuple):
    """What the decoder knows before each word: the picture's places, and the state of its cell.

    places: [batch, places, features]; keys: [batch, places, hidden], products of these that attention needs. Both
    have no place where there is no attention. cell: the state, as `Cell.start` makes it.
    """

    places: jax.Array
    keys: jax.Array
    cell: Any


class PictureEncoder(nn.Module):
    """Images [B, H, W, C] -> features of places [B, H', W', widths[-1]]: 3×3 convolutions, batch norm and ReLU.

    `depths[i]` layers of `widths[i]` features in stage i; max pooling halves the image before each but the first,
    so H and W are at least 2^(stages − 1). Depths 2, 2, 4, 4, 4 are VGG-19's, up to its conv5_4.
    """

    widths: tuple[int, ...]
    depths: tuple[int, ...]

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        assert_shapes(x=(x, IMAGES))
        for stage, (features, depth) in enumerate(zip(self.widths, self.depths, strict=True)):
            x = max_pool(x, 2) if stage else x
            for _ in range(depth):
                x = nn.relu(conv_norm(x, features, 3, train))
        return x


class Captioner(nn.Module):
    """Logits of each next token, and where the decoder looked.

    images [B, H, W, C], tokens int32 [B, time] -> logits [B, time, vocabulary] of the tokens that come after these,
    and weights [B, time, H'·W'] of the encoder's places; [B, time, 0] without attention.

    With `attention`: the first state is tanh of a product of the mean of all places, one for each part of the
    state; the context zₜ is Bahdanau's of the state before, times a gate β = σ(f(hₜ₋₁)); the cell reads the token's
    embedding beside it, and the logits are L(E yₜ₋₁ + L_h hₜ + L_z zₜ) (sections 3.1.2 and 4.2.1, equation 7).
    Without: the cell reads the mean of all places, embedded, before the first token, and the logits are L(L_h hₜ).

    `widths` and `depths` are the encoder's. `dropout` is of the mean place or the contexts, and of what the logits
    are a product of.
    """

    vocabulary: int
    widths: tuple[int, ...] = (16, 32, 64)
    depths: tuple[int, ...] = (1, 1, 2)
    embedding: int = 64
    hidden: int = 128
    attention: bool = True
    cell: Callable[..., Cell] = LSTMCell
    dropout: float = 0.0

    def setup(self) -> None:
        # Its own: a module that is given to two captioners would be one network for both.
        self.encoder = PictureEncoder(self.widths, self.depths)
        self.embed = nn.Embed(self.vocabulary, self.embedding)
        self.decoder = self.cell(self.hidden)
        self.from_hidden = nn.Dense(self.embedding, use_bias=False)
        self.logits = nn.Dense(self.vocabulary)
        self.drop = nn.Dropout(self.dropout)
        if self.attention:
            self.attend = BahdanauAttention(self.hidden)
            self.gate = nn.Dense(1)
            self.from_context = nn.Dense(self.embedding, use_bias=False)
            parts = len(jax.tree.leaves(self.decoder.start(1)))
            self.initial = [nn.Dense(self.hidden) for _ in range(parts)]
        else:
            self.embed_picture = nn.Dense(self.embedding)

    def look(self, image: jax.Array, train: bool = False) -> Seen:
        """The state before the first token: images [B, H, W, C]."""
        grid = self.encoder(image, train)
        places = grid.reshape(len(grid), -1, grid.shape[-1])
        mean = self.drop(places.mean(1), deterministic=not train)
        state = self.decoder.start(len(image))
        if not self.attention:
            state, _ = self.decoder(state, self.embed_picture(mean))
            return Seen(places[:, :0], places[:, :0], state)
        parts, tree = jax.tree.flatten(state)
        made = [nn.tanh(dense(mean)).astype(part.dtype) for dense, part in zip(self.initial, parts, strict=True)]
        return Seen(places, self.attend.keys(places), jax.tree.unflatten(tree, made))

    def step(self, seen: Seen, tokens: jax.Array, train: bool = False) -> tuple[Seen, tuple[jax.Array, jax.Array]]:
        """Reads a token of each row, int32 [B] -> (next state, ([B, embedding], weights [B, places])).

        `logits` makes logits of the middle one; all steps' at once in training.
        """
        embedded = self.embed(tokens)
        if not self.attention:
            cell, hidden = self.decoder(seen.cell, embedded)
            out = self.drop(self.from_hidden(hidden), deterministic=not train)
            return seen._replace(cell=cell), (out, jnp.zeros((len(tokens), 0)))
        before = self.decoder.hidden(seen.cell).astype(embedded.dtype)
        context, weights = self.attend(before[:, None], seen.places, keys=seen.keys)
        context = self.drop(nn.sigmoid(self.gate(before)) * context[:, 0], deterministic=not train)
        cell, hidden = self.decoder(seen.cell, jnp.concatenate([embedded, context], axis=-1))
        out = self.drop(embedded + self.from_hidden(hidden) + self.from_context(context), deterministic=not train)
        return seen._replace(cell=cell), (out, weights[:, 0])

    def __call__(self, image: jax.Array, tokens: jax.Array, train: bool = False) -> tuple[jax.Array, jax.Array]:
        assert_shapes(image=(image, IMAGES), tokens=(tokens, "batch time"))
        assert_integers(tokens=tokens)
        steps = nn.scan(
            lambda model, seen, token: model.step(seen, token, train),
            variable_broadcast="params",
            split_rngs={"params": False, "dropout": True},
            in_axes=1,
            out_axes=1,
        )
        _, (out, weights) = steps(self, self.look(image, train), tokens)
        return self.logits(out), weights

    def caption(self, image: jax.Array, *, steps: int, begin: int, end: int, beams: int = 1) -> jax.Array:
        """The most probable caption of each image that a search with `beams` finds: int32 [B, steps].

        Tokens up to and with `end`, then 0.
        """
        first = self.look(image)
        model, variables = self.unbind()

        def step(seen: Seen, tokens: jax.Array) -> Any:
            return model.apply(variables, seen, tokens, method=_next)

        begins = jnp.full(len(image), begin)
        return beam_search(step, first, begins, steps=steps, end=end, beams=beams, alpha=0.0)[0][:, 0]


def _next(model: Captioner, seen: Seen, tokens: jax.Array) -> tuple[jax.Array, Seen]:
    seen, (out, _) = model.step(seen, tokens)
    return model.logits(out), seen
