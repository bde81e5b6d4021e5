"""A gated PixelCNN over a grid of codes (van den Oord et al. 2016, "Conditional image generation")."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.nn.checks import assert_integers, assert_shapes


class GatedLayer(nn.Module):
    """The stacks of what lies above and of what lies to the left, one layer further (figure 2).

    above, left: [B, h, w, width]. `above` knows all of its own row and of those above it; what `left` reads of it
    is shifted down by one row, so that it knows what stands before it in reading order. first: without itself.
    """

    width: int
    window: int
    first: bool

    @nn.compact
    def __call__(self, above: jax.Array, left: jax.Array, more: jax.Array) -> tuple[jax.Array, jax.Array]:
        side, twice = self.window // 2, 2 * self.width
        # Rows up to its own; shifted down by one where `left` reads it, its own row is out of sight.
        padded = jnp.pad(above, ((0, 0), (side, 0), (side, side), (0, 0)))
        vertical = nn.Conv(twice, (side + 1, self.window), padding="VALID", name="vertical")(padded)
        below = jnp.pad(vertical, ((0, 0), (1, 0), (0, 0), (0, 0)))[:, :-1]
        columns = side if self.first else side + 1
        row = jnp.pad(left, ((0, 0), (0, 0), (side, 0), (0, 0)))
        row = row[:, :, :-1] if self.first else row
        horizontal = nn.Conv(twice, (1, columns), padding="VALID", name="horizontal")(row)
        horizontal += nn.Dense(twice, name="down")(below)
        above = gate(vertical + nn.Dense(twice, name="vertical_more")(more))
        out = nn.Dense(self.width, name="out")(gate(horizontal + nn.Dense(twice, name="horizontal_more")(more)))
        return above, out if self.first else left + out


def gate(x: jax.Array) -> jax.Array:
    """tanh of one half of the features times σ of the other (equation 2)."""
    a, b = jnp.split(x, 2, -1)
    return jnp.tanh(a) * nn.sigmoid(b)


class PixelCNN(nn.Module):
    """Codes int32 [B, h, w] -> logits [B, h, w, codes]: of each place given those before it in reading order.

    more: [B, h, w, any features] that is known of every place beforehand, such as a coarser grid's codes.
    """

    codes: int
    width: int = 64
    layers: int = 5
    window: int = 3

    @nn.compact
    def __call__(self, x: jax.Array, more: jax.Array | None = None) -> jax.Array:
        assert_shapes(codes=(x, "batch height width"))
        assert_integers(codes=x)
        embedded = nn.Embed(self.codes, self.width, embedding_init=nn.initializers.normal(1.0))(x)
        batch, height, width = x.shape
        # Where a place stands: pictures that are set alike have their parts at the same places.
        place = self.param("place", nn.initializers.normal(0.02), (height, width, self.width))
        known = jnp.broadcast_to(place, (batch, *place.shape))
        known = known if more is None else jnp.concatenate([known, more], -1)
        above = left = embedded
        for number in range(self.layers):
            above, left = GatedLayer(self.width, self.window, number == 0)(above, left, known)
        return nn.Dense(self.codes)(nn.relu(nn.Dense(2 * self.width)(nn.relu(left))))
