"""DALL·E: one transformer over a text's tokens and a picture's codes (Ramesh et al. 2021)."""

from __future__ import annotations

from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.models.clip import Clip
from deeplearn.models.token_encoder import inside_lengths
from deeplearn.models.translation import Transformer
from deeplearn.models.vqvae import VQVAE
from deeplearn.nn.checks import assert_integers, assert_shapes
from deeplearn.nn.decoding import sample
from deeplearn.nn.functional import by_rows
from deeplearn.nn.patterns import PicturePattern, published_kinds
from deeplearn.nn.transformer import Decoder

NEVER = -1  # no code ends a picture
SUMMED = 512  # features of a bag of words


class Said(NamedTuple):
    """Logits of what comes next, each after all that stands before it.

    of_words: [B, T − 1, vocabulary + T], of all words but the first; None with a prefix, which is not predicted.
    of_codes: [B, places, codes].
    """

    of_words: jax.Array | None
    of_codes: jax.Array


class Foreseen(nn.Module):
    """tokens int32 [B, T], length int32 [B] -> vectors [B, places, features], one for each place of a picture.

    A small network of the sum of the words' vectors: words that were never seen together add up (not published).
    """

    vocabulary: int
    places: int
    features: int

    @nn.compact
    def __call__(self, tokens: jax.Array, length: jax.Array) -> jax.Array:
        assert_shapes(tokens=(tokens, "batch time"), length=(length, "batch"))
        assert_integers(tokens=tokens, length=length)
        inside = inside_lengths(tokens, length)
        words = nn.Embed(self.vocabulary, SUMMED, embedding_init=nn.initializers.normal(0.1))
        bag = (words(jnp.where(inside, tokens, 0)) * inside[..., None]).sum(1)
        vectors = nn.Dense(self.places * self.features)(nn.silu(nn.Dense(SUMMED)(nn.silu(bag))))
        return vectors.reshape(len(tokens), self.places, self.features)


class TextAndCodes(nn.Module):
    """A decoder over [text, start, codes]: what comes next, at every position.

    vocabulary: number of words, the last T of which are none: each text position has its own padding (section 2.2).
    time: T, positions of the text. codes: size of the pictures' alphabet. grid: rows and columns of a picture's.
    width, depth, heads, hidden: of the transformer. dropout: as in `Decoder`.
    prefix: the text is read in both directions, and is not predicted; otherwise all is causal, as published.
    sparse: the published patterns of attention, row, column and convolution with `kernel`; otherwise all is seen.

    The start is a learnt vector that the paper does not have: there the text's last token predicts the first code.
    """

    vocabulary: int
    time: int
    codes: int
    grid: tuple[int, int]
    width: int = 192
    depth: int = 4
    heads: int = 6
    hidden: int = 768
    dropout: float = 0.1
    prefix: bool = True
    sparse: bool = False
    kernel: int = 11

    @property
    def places(self) -> int:
        """Codes of a picture."""
        return self.grid[0] * self.grid[1]

    def setup(self) -> None:
        normal = nn.initializers.normal(0.02)
        self.words = nn.Embed(self.vocabulary + self.time, self.width, embedding_init=nn.initializers.normal(0.1))
        self.embedding = nn.Embed(self.codes + 1, self.width, embedding_init=nn.initializers.normal(0.1))
        self.text_positions = self.param("text_positions", normal, (self.time, self.width))
        self.rows = self.param("rows", normal, (self.grid[0], self.width))
        self.columns = self.param("columns", normal, (self.grid[1], self.width))
        kinds = published_kinds(self.depth) if self.sparse else ("full",) * self.depth
        prefix = self.time if self.prefix else 0
        self.decoder = Decoder(
            self.depth,
            self.heads,
            self.hidden,
            self.dropout,
            length=self.time + self.places,
            activation="gelu_tanh",
            patterns=tuple(
                PicturePattern(self.time + 1, self.grid[1], kind, prefix, self.kernel) for kind in kinds
            ),
        )
        self.next_code = nn.Dense(self.codes)
        self.hinted = nn.Dense(self.width, use_bias=False)
        if not self.prefix:
            self.next_word = nn.Dense(self.vocabulary + self.time)

    def padded(self, tokens: jax.Array, length: jax.Array) -> jax.Array:
        """tokens int32 [B, T] of which `length` [B] count -> the same, behind them each position's own padding."""
        assert_shapes(tokens=(tokens, f"batch {self.time}"), length=(length, "batch"))
        assert_integers(tokens=tokens, length=length)
        place = jnp.arange(self.time)
        return jnp.where(place < length[:, None], tokens, self.vocabulary + place)

    def __call__(
        self,
        tokens: jax.Array,
        length: jax.Array,
        codes: jax.Array,
        hints: jax.Array | None = None,
        train: bool = False,
    ) -> Said:
        """tokens int32 [B, T], length int32 [B]; codes int32 [B, places], of which the last is not read.

        hints: [B, places, any features], what each place is told beside the codes before it, as by `Foreseen`.
        """
        assert_shapes(codes=(codes, f"batch {self.places}"))
        start = jnp.full((len(codes), 1), self.codes, codes.dtype)
        before = jnp.concatenate([start, codes[:, :-1]], 1)
        image = self._codes(before, jnp.arange(self.places), self._told(hints, len(codes)))
        y = self.decoder(jnp.concatenate([self._text(tokens, length), image], 1), train)
        of_words = None if self.prefix else by_rows(self.next_word, y[:, : self.time - 1])
        return Said(of_words, by_rows(self.next_code, y[:, self.time :]))

    def read(self, tokens: jax.Array, length: jax.Array, hints: jax.Array | None = None) -> jax.Array:
        """The text into the collection "cache", before `after` is called; what each place is told of the hints,
        [B, places, width], or with no features."""
        self.decoder(self._text(tokens, length), False, decode=True)
        return self._told(hints, len(tokens))

    def after(self, codes: jax.Array, place: jax.Array, told: jax.Array) -> jax.Array:
        """Logits [B, codes] of the code at `place` [], in decoding; `codes` int32 [B] are those before it.

        Before the first stands the start, the number `self.codes`. told: as `read` gave it.
        """
        x = self._codes(codes[:, None], place[None], told)
        logits: jax.Array = self.next_code(self.decoder(x, False, decode=True))[:, 0]
        return logits

    def _text(self, tokens: jax.Array, length: jax.Array) -> jax.Array:
        """Vectors of the text's positions [B, T, width]."""
        words: jax.Array = self.words(self.padded(tokens, length)) + self.text_positions
        return words

    def _told(self, hints: jax.Array | None, batch: int) -> jax.Array:
        """What each place is told of its hint, [B, places, width]; without hints there are no features."""
        told: jax.Array = jnp.zeros((batch, self.places, 0)) if hints is None else self.hinted(hints)
        return told

    def _codes(self, before: jax.Array, place: jax.Array, told: jax.Array) -> jax.Array:
        """Vectors [B, time, width] of the codes `before` [B, time] the places [time] that they predict."""
        x = self.embedding(before) + self.rows[place // self.grid[1]] + self.columns[place % self.grid[1]]
        return x + told[:, place] if told.shape[-1] else x


def drawn_codes(
    decoder: TextAndCodes,
    tokens: jax.Array,
    length: jax.Array,
    given: jax.Array,
    key: jax.Array,
    temperature: float = 1.0,
    top_k: int = 0,
    hints: jax.Array | None = None,
) -> jax.Array:
    """Codes int32 [B, places] for captions, by a bound decoder, one after the other in one compiled loop.

    given: int32 [B, any], the first codes of each picture. temperature, top_k: as in `nn.decoding.draw`. hints: as
    in `TextAndCodes`.
    """
    network, variables = decoder.unbind()
    told, cache = network.apply(variables, tokens, length, hints, method="read", mutable=["cache"])

    def step(state: tuple[Any, jax.Array], codes: jax.Array) -> tuple[jax.Array, Any]:
        cache, place = state
        logits, cache = network.apply(variables | cache, codes, place, told, method="after", mutable=["cache"])
        return logits, (cache, place + 1)

    prompt = jnp.concatenate([jnp.full((len(tokens), 1), network.codes, jnp.int32), given], 1)
    steps, start = network.places - given.shape[1], (cache, jnp.array(0))
    drawn = sample(step, start, prompt, key, steps=steps, end=NEVER, temperature=temperature, top_k=top_k)
    return jnp.concatenate([given, drawn], 1)


class Dalle(nn.Module):
    """code: pictures as codes, and back. decoder: of codes after a text. clip: ranks what was drawn.

    bag: foresees the vectors of a picture's codes, which the decoder is told, if there is any. completer: of
    captions that leave something open, if there is one.
    """

    code: VQVAE
    decoder: TextAndCodes
    clip: Clip
    bag: Foreseen | None = None
    completer: Transformer | None = None


def dalle_12b() -> TextAndCodes:
    """The published transformer (section 2.2, appendix B.1): 64 layers, 62 heads of 64; 12.3 billion parameters.

    256 text tokens of a vocabulary of 16,384, 1,024 codes of 8,192. The paper does not say how wide the
    feed-forward networks are (4 · 3,968 here), nor whether embeddings are shared with the output (not here).
    """
    return TextAndCodes(16384, 256, 8192, (32, 32), 3968, 64, 62, 4 * 3968, 0.1, False, True, 11)
