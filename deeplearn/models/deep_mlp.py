"""A perceptron initialised to suit its activation, with batch norm or skips that help deep ones to learn."""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax

from deeplearn.nn.activations import by_name, initializer_for
from deeplearn.nn.batch_norm import BatchNorm
from deeplearn.nn.checks import assert_shapes


class DeepMLP(nn.Module):
    """Layers x ← f(Wx + b), then a linear one. [batch, ...] -> logits [batch, outputs].

    Inputs of more than one axis are flattened. The layers are `hidden_0` …, `logits`.

    activation: the name of f (`deeplearn.nn.activations`), with the kernel initialiser that suits it.
    hidden: widths of the layers.
    plain: Glorot's uniform weights whatever the activation; a sigmoid's are four times as wide otherwise (Glorot &
        Bengio 2010, equation 16).
    norm: batch normalisation before f (Ioffe & Szegedy 2015).
    skip: x ← x + f(Wx + b) in every layer but the first, where shapes agree.
    """

    activation: str
    hidden: tuple[int, ...]
    outputs: int
    plain: bool = False
    norm: bool = False
    skip: bool = False

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False, sums: bool = False) -> Any:
        """sums: returns, in place of the logits, the inputs of each f, a list of [batch, width]."""
        assert_shapes(x=(x, "batch ..."))
        f = by_name(self.activation)
        init = nn.initializers.glorot_uniform() if self.plain else initializer_for(self.activation)
        x, found = x.reshape(len(x), -1), []
        for number, width in enumerate(self.hidden):
            z = nn.Dense(width, use_bias=not self.norm, kernel_init=init, name=f"hidden_{number}")(x)
            found.append(BatchNorm()(z, train) if self.norm else z)
            h = f(found[-1])
            x = x + h if self.skip and number and x.shape == h.shape else h
        logits = nn.Dense(self.outputs, name="logits")(x)
        return found if sums else logits
