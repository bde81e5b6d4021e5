"""Networks of transfer learning: frozen with a new last layer, fine-tuned, from scratch (Yosinski et al. 2014)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from deeplearn.nn.checks import IMAGES, assert_shapes
from deeplearn.nn.few_labels import FewLabels


class Learner(nn.Module):
    """A network without a last layer, and a last layer: images [B, H, W, C] -> logits [B, classes]."""

    net: nn.Module
    classes: int

    def setup(self) -> None:
        self.body = self.net.clone(parent=None)
        self.head = nn.Dense(self.classes)

    def __call__(self, image: jax.Array, train: bool = False) -> jax.Array:
        assert_shapes(image=(image, IMAGES))
        return self.head(self.body(image, train))


class Transfer(nn.Module):
    """Networks `source`, `unrelated`; for each number of labels heads on both, and learners `tuned`, `scratch`.

    net: images [B, H, W, C] and whether it trains -> features [B, D]; all that is named here has its own.
    labels: numbers of labels a class.
    pool: examples of each class that labels are drawn from (`data.pool.balanced_pool`).
    colours: mean and std of red, green and blue in a library's images; empty for images as they are.
    """

    net: nn.Module
    source_classes: int
    classes: int
    labels: tuple[int, ...]
    pool: int
    colours: tuple[tuple[float, ...], ...] = ()

    def setup(self) -> None:
        self.source, self.unrelated = (Learner(self.net, self.source_classes) for _ in range(2))
        self.heads, self.unrelated_heads = ({str(n): nn.Dense(self.classes) for n in self.labels} for _ in range(2))
        self.tuned, self.scratch = (
            {str(n): Learner(self.net, self.classes) for n in self.labels} for _ in range(2)
        )
        self.few = FewLabels(self.classes, self.pool)

    def prepare(self, image: jax.Array) -> jax.Array:
        """Three colours [..., 3], normalised, if the network comes from a library; otherwise the image as it is."""
        if not self.colours:
            return image
        mean, std = np.array(self.colours, np.float32)
        return (jnp.broadcast_to(image, (*image.shape[:-1], 3)) - mean) / std

    def logits(self, image: jax.Array, network: str, count: int, train: bool = False) -> jax.Array:
        """[B, H, W, C] -> [B, classes]; `network` is "tuned", "scratch", "heads" or "unrelated_heads".

        Heads are on a frozen network, which never uses its batch's statistics.
        """
        assert_shapes(image=(image, IMAGES))
        image = self.prepare(image)
        if network in ("tuned", "scratch"):
            return getattr(self, network)[str(count)](image, train)
        related = network == "heads"
        frozen, heads = (self.source, self.heads) if related else (self.unrelated, self.unrelated_heads)
        return heads[str(count)](frozen.body(image, False))


def unfreeze(variables: Mapping[str, Any], labels: Sequence[int]) -> dict[str, Any]:
    """The variables of a `Transfer` with each tuned network the source's, and the head that was trained on that."""
    started = {name: dict(tree) for name, tree in variables.items()}
    for count in labels:
        for tree in started.values():
            if "source" in tree:
                tree[f"tuned_{count}"] = {**tree[f"tuned_{count}"], "body": tree["source"]["body"]}
        started["params"][f"tuned_{count}"]["head"] = started["params"][f"heads_{count}"]
    return started
