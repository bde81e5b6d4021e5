"""GPT-2: a causal transformer over tokens, layer norm before each sub-layer (Radford et al. 2019, section 2.3)."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.models.token_encoder import inside_lengths
from deeplearn.nn.checks import assert_integers, assert_shapes
from deeplearn.nn.functional import by_rows
from deeplearn.nn.positions import LearnedPositions
from deeplearn.nn.transformer import Decoder


class Gpt2(nn.Module):
    """tokens int32 [batch, time], lengths int32 [batch] -> hidden states [batch, time, width], 0 beyond lengths.

    No state depends on a later token, so without lengths (None) nothing is wrong but that padding has states too.
    vocabulary: number of tokens. width, layers, heads: of table 2. hidden: units of each feed-forward network, 4
        width there.
    length: the context's size; AssertionError for a longer text.
    activation: of the feed-forward networks, a name of `nn.activations`. epsilon: of the layer norms.
    dropout: fraction dropped of the embedding and of what each sub-layer gives, if `train`, from the stream
        "dropout". Attention weights are not dropped.

    With `decode`, without lengths, tokens are the next ones: as in `nn.transformer.Decoder`. A head is built on
    `logits`, which has no parameters of its own.
    """

    vocabulary: int
    width: int = 768
    layers: int = 12
    heads: int = 12
    hidden: int = 3072
    length: int = 1024
    activation: str = "gelu_tanh"
    epsilon: float = 1e-5
    dropout: float = 0.0

    def setup(self) -> None:
        normal = nn.initializers.normal(0.02)
        self.embedding = nn.Embed(self.vocabulary, self.width, embedding_init=normal)
        self.positions = LearnedPositions(self.length)
        self.drop = nn.Dropout(self.dropout)
        self.decoder = Decoder(
            self.layers,
            self.heads,
            self.hidden,
            self.dropout,
            length=self.length,
            activation=self.activation,
            epsilon=self.epsilon,
        )

    def __call__(
        self, tokens: jax.Array, lengths: jax.Array | None = None, train: bool = False, decode: bool = False
    ) -> jax.Array:
        assert_shapes(tokens=(tokens, "batch time"))
        assert_integers(tokens=tokens)
        x = self.drop(self.positions(self.embedding(tokens), decode), deterministic=not train)
        x = self.decoder(x, train, decode=decode)
        if lengths is None:
            return x
        assert_shapes(tokens=(tokens, "batch time"), lengths=(lengths, "batch"))
        return jnp.where(inside_lengths(tokens, lengths)[..., None], x, 0)

    def logits(self, x: jax.Array) -> jax.Array:
        """Of each next token at hidden states x, by the embedding: [..., width] -> [..., vocabulary]."""
        return by_rows(self.embedding.attend, x)


def gpt2(size: str = "small", vocabulary: int = 50257) -> Gpt2:
    """A model of table 2 by the name that its weights have: small, medium, large or xl.

    The table's counts are too small by some millions; its authors later gave 124, 355, 774 and 1558 million.
    """
    sizes: dict[str, tuple[int, int, int]] = {
        "small": (768, 12, 12),
        "medium": (1024, 24, 16),
        "large": (1280, 36, 20),
        "xl": (1600, 48, 25),
    }
    width, layers, heads = sizes[size]
    return Gpt2(vocabulary, width, layers, heads, 4 * width)
