"""Speech to tokens: convolutions over time and frequency, recurrent layers, the outputs of CTC.

The layout of Deep Speech 2 (Amodei et al. 2015, section 3), with LSTMs and without batch normalisation.
"""

from __future__ import annotations

from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.nn.cells import LSTMCell
from deeplearn.nn.checks import assert_integers, assert_shapes
from deeplearn.nn.conv import Conv
from deeplearn.nn.recurrent import Recurrent

Pair = tuple[int, int]


def normalised(sound: jax.Array, lengths: jax.Array) -> jax.Array:
    """Each mel band of each recording with mean 0 and standard deviation 1 over its frames; zeros beyond its end.

    sound [batch, time, mels], lengths [batch]. So a recording's loudness and its microphone matter less.
    """
    inside = (jnp.arange(sound.shape[1]) < lengths[:, None])[..., None]
    count = jnp.maximum(lengths, 1)[:, None, None]
    mean = jnp.where(inside, sound, 0).sum(1, keepdims=True) / count
    centred = jnp.where(inside, sound - mean, 0)
    return centred / (jnp.sqrt(jnp.square(centred).sum(1, keepdims=True) / count) + 1e-2)


class SpeechRecogniser(nn.Module):
    """sound float32 [batch, time, mels], lengths int32 [batch] -> (logits [batch, steps, symbols], steps [batch]).

    filters, windows, strides: of each convolution, windows and strides as (time, mels). A sequence's steps are its
    length divided by the strides in time, each time rounded up; its outputs do not depend on padding.
    features, layers: of the LSTM; features in each direction. Dropout before each of its layers and the outputs.
    """

    symbols: int
    filters: Sequence[int] = (16, 16)
    windows: Sequence[Pair] = ((5, 5), (5, 5))
    strides: Sequence[Pair] = ((2, 2), (2, 2))
    features: int = 64
    layers: int = 2
    bidirectional: bool = True
    dropout: float = 0.0

    @nn.compact
    def __call__(self, sound: jax.Array, lengths: jax.Array, train: bool = False) -> tuple[jax.Array, jax.Array]:
        assert_shapes(sound=(sound, "batch time mels"), lengths=(lengths, "batch"))
        assert_integers(lengths=lengths)
        x, steps = normalised(sound, lengths)[..., None], lengths
        for filters, window, stride in zip(self.filters, self.windows, self.strides, strict=True):
            # The same padding whatever the width, so that where a filter stands does not depend on it.
            frame = [((size - 1) // 2, size // 2) for size in window]
            x = nn.relu(Conv(filters, window, stride, frame)(x))
            steps = -(-steps // stride[0])
            x = jnp.where((jnp.arange(x.shape[1]) < steps[:, None])[..., None, None], x, 0)
        x = nn.Dropout(self.dropout, deterministic=not train)(x.reshape(*x.shape[:2], -1))
        lstm = Recurrent(LSTMCell, self.features, self.layers, self.bidirectional, dropout=self.dropout)
        x, _ = lstm(x, steps, train=train)
        x = nn.Dropout(self.dropout, deterministic=not train)(x)
        return nn.Dense(self.symbols)(x), steps


def forward_width(model: SpeechRecogniser, mels: int) -> int:
    """Features of a forward LSTM that has, as nearly as can be, the parameters of this bidirectional one."""
    inputs = mels
    for _, stride in model.strides:
        inputs = -(-inputs // stride)
    inputs *= model.filters[-1]

    def parameters(width: int, directions: int) -> int:
        sizes = [inputs] + [directions * width] * (model.layers - 1)
        cells = sum(4 * width * (size + width + 1) for size in sizes)
        return directions * (cells + width * model.symbols)

    wanted = parameters(model.features, 2)
    return min(range(1, 2 * model.features + 1), key=lambda width: abs(parameters(width, 1) - wanted))
