"""Networks of transfer learning: frozen with a new last layer, fine-tuned, from scratch (Yosinski et al. 2014)."""

from __future__ import annotations

from collections.abc import Mapping
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


def prepared(image: jax.Array, colours: tuple[tuple[float, ...], ...], blue_first: bool) -> jax.Array:
    """Images [B, H, W, C] as a network was trained on them, grey ones in all its colours.

    colours: mean and std of each channel of the images that the network was trained on, in its order, which may be
    blue, green, red (`blue_first`); empty for images as they are.
    """
    assert_shapes(image=(image, IMAGES))
    if not colours:
        return image
    mean, std = np.array(colours, np.float32)
    coloured = jnp.broadcast_to(image, (*image.shape[:-1], len(mean)))
    return (coloured[..., :: -1 if blue_first else 1] - mean) / std


class FewLabelLearners(nn.Module):
    """A separate network for each number of labels per class, `learners_1`, …, and the draw of the labels.

    net: (images [B, H, W, C], whether it trains) -> features [B, D].
    labels: numbers of labels per class. pool: examples of each class that they are drawn from
    (`data.pool.few_label_pool`).
    colours, blue_first: what the network was trained on, as in `prepared`.
    """

    net: nn.Module
    classes: int
    labels: tuple[int, ...]
    pool: int
    colours: tuple[tuple[float, ...], ...] = ()
    blue_first: bool = False

    def setup(self) -> None:
        self.learners = {str(n): Learner(self.net, self.classes) for n in self.labels}
        self.few = FewLabels(self.classes, self.pool)

    def prepare(self, image: jax.Array) -> jax.Array:
        return prepared(image, self.colours, self.blue_first)

    def logits(self, image: jax.Array, count: int, train: bool = False) -> jax.Array:
        """[B, H, W, C] -> [B, classes] by the network for `count` labels per class."""
        return self.learners[str(count)](self.prepare(image), train)


class Transfer(FewLabelLearners):
    """A network that learns a source and is reused: frozen, under new last layers, then as initial weights.

    Networks: `source`, a `Learner` of `source_classes`; `heads_1`, …, last layers on its body; `learners_1`, …,
    which start from both by `unfrozen`.
    """

    source_classes: int = 1

    def setup(self) -> None:
        super().setup()
        self.source = Learner(self.net, self.source_classes)
        self.heads = {str(n): nn.Dense(self.classes) for n in self.labels}

    def frozen_logits(self, image: jax.Array, count: int, train: bool = False) -> jax.Array:
        """[B, H, W, C] -> [B, classes] by a new last layer on the source's unchanged network.

        It never uses the statistics of a batch, not even in training.
        """
        return self.heads[str(count)](self.source.body(self.prepare(image), False))


def unfrozen(variables: Mapping[str, Any]) -> dict[str, Any]:
    """The variables of a `Transfer`, each learner with the source's body and the head that was trained on it."""
    started = {name: dict(tree) for name, tree in variables.items()}
    for name in [name for name in started["params"] if name.startswith("learners_")]:
        for tree in started.values():
            if "source" in tree:
                tree[name] = {**tree[name], "body": tree["source"]["body"]}
        started["params"][name]["head"] = started["params"][f"heads_{name.removeprefix('learners_')}"]
    return started
