"""Layers that start from pretrained weights (Hinton, Osindero & Teh 2006; Bengio et al. 2007)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import flax.linen as nn
import jax

from deeplearn.nn.checks import assert_shapes
from deeplearn.nn.few_labels import FewLabels
from deeplearn.nn.functional import flat
from deeplearn.nn.sigmoid_belief import Layer


class WarmStarted(nn.Module):
    """Layers of the given widths, then a linear one: x [batch, inputs] -> logits [batch, classes].

    With `start`, the layers' weights are the given ones plus a learned difference, zero at first. For a gradient
    method without decay this equals training a copy, and several classifiers can start from one stack, which does
    not change. Without `start` the weights are random: the network from scratch.
    """

    widths: tuple[int, ...]
    classes: int
    activation: Callable[[jax.Array], jax.Array] = nn.sigmoid

    @nn.compact
    def __call__(self, x: jax.Array, start: Sequence[Layer] = ()) -> jax.Array:
        assert_shapes(x=(x, "batch inputs"))
        zeros = nn.initializers.zeros
        kernel_init = zeros if start else nn.initializers.he_normal()
        for i, width in enumerate(self.widths):
            kernel = self.param(f"kernel_{i}", kernel_init, (x.shape[-1], width))
            bias = self.param(f"bias_{i}", zeros, (width,))
            if start:
                assert_shapes(
                    **{
                        f"the kernel of start[{i}]": (start[i][0], f"{x.shape[-1]} {width}"),
                        f"the bias of start[{i}]": (start[i][1], f"{width}"),
                    }
                )
                kernel, bias = kernel + start[i][0], bias + start[i][1]
            x = self.activation(x @ kernel + bias)
        return nn.Dense(self.classes)(x)


class FewLabelClassifiers(nn.Module):
    """A `WarmStarted` for each number of labels per class, independent of each other, and the draw of the labels.

    labels: numbers of labels per class. pool: examples of each class that they are drawn from
    (`data.pool.few_label_pool`).
    """

    widths: tuple[int, ...]
    classes: int
    labels: tuple[int, ...]
    pool: int
    activation: Callable[[jax.Array], jax.Array] = nn.sigmoid

    def setup(self) -> None:
        self.of = {str(count): WarmStarted(self.widths, self.classes, self.activation) for count in self.labels}
        self.few = FewLabels(self.classes, self.pool)

    def logits(self, image: jax.Array, count: int, train: bool = False, start: Sequence[Layer] = ()) -> jax.Array:
        """[batch, ...] -> [batch, classes] by the classifier for `count` labels per class."""
        return self.of[str(count)](flat(image), start)


class GreedyStack(nn.Module):
    """Layers, each trained on the codes of the one below, and classifiers that start from them.

    Networks: `layers_0`, `layers_1`, …, and `tuned`, the `FewLabelClassifiers`.

    layer(inputs, width): a module with `kernel` [inputs, width], `hidden_bias` [width] and `encode(x)`.
    pixels: of an image. hidden: widths. activation: of the classifiers' layers and of the codes. The other
    fields are those of `FewLabelClassifiers`.
    """

    layer: Callable[[int, int], Any]
    pixels: int
    hidden: tuple[int, ...]
    classes: int
    labels: tuple[int, ...]
    pool: int
    activation: Callable[[jax.Array], jax.Array] = nn.sigmoid

    def setup(self) -> None:
        inputs = (self.pixels, *self.hidden[:-1])
        self.layers = [self.layer(n, width) for n, width in zip(inputs, self.hidden, strict=True)]
        self.tuned = FewLabelClassifiers(self.hidden, self.classes, self.labels, self.pool, self.activation)

    @property
    def few(self) -> FewLabels:
        few: FewLabels = self.tuned.few
        return few

    def encode(self, image: jax.Array, depth: int) -> jax.Array:
        """Codes of the first `depth` layers, [batch, width]; of none, the flat images."""
        x = flat(image)
        for layer in self.layers[:depth]:
            x = layer.encode(x)
        return x

    def pretrained(self, depth: int | None = None) -> list[Layer]:
        """Weights and biases of the first `depth` layers, or of all layers."""
        return [(layer.kernel, layer.hidden_bias) for layer in self.layers[:depth]]

    def logits(self, image: jax.Array, count: int, train: bool = False) -> jax.Array:
        """[batch, ...] -> [batch, classes] by the fine-tuned classifier for `count` labels per class."""
        return self.tuned.logits(image, count, train, self.pretrained())
