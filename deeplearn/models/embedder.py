"""A network whose last features are the vectors of pictures."""

from __future__ import annotations

import flax.linen as nn
import jax

from deeplearn.models.transfer import prepared


class Embedder(nn.Module):
    """Images [B, H, W, C] in [0, 1] -> vectors [B, D], by `features`, and by a last layer logits [B, classes].

    net: (images, whether it trains) -> features [B, D]. The last layer is there to train the network, or to be
    trained on it.
    colours, blue_first: what the network was trained on, as in `models.transfer.prepared`.
    """

    net: nn.Module
    classes: int
    colours: tuple[tuple[float, ...], ...] = ()
    blue_first: bool = False

    def setup(self) -> None:
        self.body = self.net.clone(parent=None)
        self.head = nn.Dense(self.classes)

    def features(self, image: jax.Array, train: bool = False) -> jax.Array:
        return self.body(prepared(image, self.colours, self.blue_first), train)

    def __call__(self, image: jax.Array, train: bool = False) -> jax.Array:
        return self.head(self.features(image, train))
