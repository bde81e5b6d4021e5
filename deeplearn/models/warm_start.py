"""Layers that start from weights trained before (Hinton, Osindero & Teh 2006; Bengio et al. 2007)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import flax.linen as nn
import jax

from deeplearn.nn.checks import assert_shapes
from deeplearn.nn.sigmoid_belief import Layer


class WarmStarted(nn.Module):
    """Layers of the given widths, then a linear one: x [batch, inputs] -> logits [batch, classes].

    With `start`, the layers' weights are those given plus what is learned here, zero at first. To a gradient method
    without decay that is the same as to learn on from a copy, and several classifiers can start from one stack that
    stays as it was. Without `start` it is the twin from scratch, with random weights.
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
    """A `WarmStarted` for each number of labels a class, independent of each other."""

    widths: tuple[int, ...]
    classes: int
    labels: tuple[int, ...]
    activation: Callable[[jax.Array], jax.Array] = nn.sigmoid

    def setup(self) -> None:
        self.of = {str(count): WarmStarted(self.widths, self.classes, self.activation) for count in self.labels}

    def __call__(self, x: jax.Array, count: int, start: Sequence[Layer] = ()) -> jax.Array:
        return self.of[str(count)](x, start)
