"""The transformer's encoder and decoder (Vaswani et al. 2017), layer norm before or after each sub-layer."""

from __future__ import annotations

from collections.abc import Callable

import flax.linen as nn
import jax

from deeplearn.nn.activations import by_name
from deeplearn.nn.functional import by_rows
from deeplearn.nn.multi_head import CrossAttention, SelfAttention
from deeplearn.nn.patterns import Pattern


class FeedForward(nn.Module):
    """max(0, x W₁ + b₁) W₂ + b₂ at each position (equation 2): [..., features] -> the same, over `hidden` units.

    activation: what stands for max(0, ·), a name of `nn.activations`.
    """

    hidden: int
    activation: str = "relu"

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        hidden, out = nn.Dense(self.hidden, name="hidden"), nn.Dense(x.shape[-1], name="out")
        return by_rows(lambda rows: out(by_name(self.activation)(hidden(rows))), x)


class EncoderBlock(nn.Module):
    """Self-attention to all that `mask` leaves, then a feed-forward network: [batch, time, features] -> the same.

    Arguments and fields as in `Encoder`.
    """

    heads: int
    hidden: int
    dropout: float = 0.1
    pre_norm: bool = True
    rotary: bool = False
    activation: str = "relu"
    epsilon: float = 1e-5

    @nn.compact
    def __call__(self, x: jax.Array, train: bool, mask: jax.Array | None = None) -> jax.Array:
        attention = SelfAttention(self.heads, rotary=self.rotary, name="self_attention")
        x = _add(self, "self_attention", lambda x: attention(x, mask), x, train)
        feed_forward = FeedForward(self.hidden, self.activation, name="feed_forward")
        return _add(self, "feed_forward", feed_forward, x, train)


class DecoderBlock(nn.Module):
    """Causal self-attention, attention to a memory if there is one, a feed-forward network.

    x [batch, time, features] -> the same. Arguments and fields as in `Decoder`.
    """

    heads: int
    hidden: int
    dropout: float = 0.1
    pre_norm: bool = True
    rotary: bool = False
    length: int = 0
    activation: str = "relu"
    epsilon: float = 1e-5
    pattern: Pattern | None = None

    @nn.compact
    def __call__(
        self,
        x: jax.Array,
        train: bool,
        memory: jax.Array | None = None,
        memory_mask: jax.Array | None = None,
        decode: bool = False,
    ) -> jax.Array:
        attention = SelfAttention(self.heads, True, self.rotary, self.length, self.pattern, name="self_attention")
        x = _add(self, "self_attention", lambda x: attention(x, decode=decode), x, train)
        if memory is not None:
            cross = CrossAttention(self.heads, name="cross_attention")
            x = _add(self, "cross_attention", lambda x: cross(x, memory, memory_mask, decode), x, train)
        feed_forward = FeedForward(self.hidden, self.activation, name="feed_forward")
        return _add(self, "feed_forward", feed_forward, x, train)


def _add(
    block: EncoderBlock | DecoderBlock,
    name: str,
    f: Callable[[jax.Array], jax.Array],
    x: jax.Array,
    train: bool,
) -> jax.Array:
    """Pre-norm x + dropout(f(norm(x))) (Xiong et al. 2020, table 1), or post-norm norm(x + dropout(f(x))).

    Post-norm is how the transformer was first written (Vaswani et al. 2017, section 3.1).
    """
    norm = nn.LayerNorm(epsilon=block.epsilon, name=f"{name}_norm")
    drop = nn.Dropout(block.dropout, deterministic=not train)
    return x + drop(f(norm(x))) if block.pre_norm else norm(x + drop(f(x)))


class Encoder(nn.Module):
    """`depth` encoder blocks over embedded tokens: x [batch, time, features] -> the same.

    heads: of each attention, a divisor of features.
    hidden: units of each feed-forward network.
    dropout: fraction dropped of what each sub-layer gives (section 5.4), if `train`, from the stream "dropout".
    pre_norm: layer norm before each sub-layer and once at the end; otherwise after each sub-layer.
    rotary: rotary positions in self-attention; otherwise positions are in x or nowhere.
    activation: of the feed-forward networks, a name of `nn.activations`. epsilon: of the layer norms.

    mask: [batch, time], true where a token is real: no other is attended to. Outputs at padding mean nothing.
    """

    depth: int
    heads: int
    hidden: int
    dropout: float = 0.1
    pre_norm: bool = True
    rotary: bool = False
    activation: str = "relu"
    epsilon: float = 1e-5

    @nn.compact
    def __call__(self, x: jax.Array, train: bool, mask: jax.Array | None = None) -> jax.Array:
        for i in range(self.depth):
            block = EncoderBlock(
                self.heads,
                self.hidden,
                self.dropout,
                self.pre_norm,
                self.rotary,
                self.activation,
                self.epsilon,
                name=f"block_{i}",
            )
            x = block(x, train, mask)
        return nn.LayerNorm(epsilon=self.epsilon, name="norm")(x) if self.pre_norm else x


class Decoder(nn.Module):
    """`depth` decoder blocks over embedded tokens: x [batch, time, features] -> the same.

    length: how many tokens can be decoded. patterns: of each block's self-attention, as `SelfAttention` has it;
    none: all of them causal. The other fields as in `Encoder`.

    memory: [batch, source, any features], what an encoder gave; a language model has none. memory_mask: [batch,
    source], true where it is real. x needs no mask: no token sees the padding behind it.

    With `decode` x are the next tokens, one or more; the collection "cache" holds what is needed of those before.
    The first call makes it, every call returns it changed, and the outputs are those of the whole sequence at once
    (past `length`: NaN):

        y, state = decoder.apply({"params": params}, x[:, :1], False, decode=True, mutable=["cache"])
        y, state = decoder.apply({"params": params} | state, x[:, 1:2], False, decode=True, mutable=["cache"])
    """

    depth: int
    heads: int
    hidden: int
    dropout: float = 0.1
    pre_norm: bool = True
    rotary: bool = False
    length: int = 0
    activation: str = "relu"
    epsilon: float = 1e-5
    patterns: tuple[Pattern, ...] = ()

    @nn.compact
    def __call__(
        self,
        x: jax.Array,
        train: bool,
        memory: jax.Array | None = None,
        memory_mask: jax.Array | None = None,
        decode: bool = False,
    ) -> jax.Array:
        for i in range(self.depth):
            block = DecoderBlock(
                self.heads,
                self.hidden,
                self.dropout,
                self.pre_norm,
                self.rotary,
                self.length,
                self.activation,
                self.epsilon,
                self.patterns[i] if self.patterns else None,
                name=f"block_{i}",
            )
            x = block(x, train, memory, memory_mask, decode)
        return nn.LayerNorm(epsilon=self.epsilon, name="norm")(x) if self.pre_norm else x
