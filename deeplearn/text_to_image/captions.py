"""Captions as a generator of pictures reads them: those of a data set, and what a user types."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from deeplearn.data import Dataset, Vocabulary
from deeplearn.data.builders.emoji_names import with_tones
from deeplearn.errors import UserError
from deeplearn.judge.combinations import has_parts
from deeplearn.nn.checks import assert_integers, assert_shapes

WORDS = 0.5  # each word's chance to be left out
# Ends captions that leave something open. "judge" is the name of one picture, with a yellow face; "judge …" is any.
MORE = Vocabulary.unknown


def need_captions(dataset: Dataset) -> None:
    """UserError unless the data set has pictures with captions in tokens."""
    dataset.need_images("here pictures are made from their captions")
    if dataset.vocabulary is None or not {"tokens", "length"} <= set(dataset.train.spec):
        raise UserError(
            f"--dataset={dataset.name} has pictures without captions: choose openmoji/people-32, shapes/32 or "
            "captions:DIR, a folder of pictures beside a metadata.csv with file_name and text"
        )


def texts_of(rows: Mapping[str, np.ndarray], dataset: Dataset) -> list[str]:
    """The captions of rows as texts."""
    if "text" in rows:
        return [str(text) for text in rows["text"]]
    vocabulary = _vocabulary(dataset)
    return [vocabulary.join(vocabulary.decode(tokens)) for tokens in rows["tokens"]]


def tokens_of(texts: Sequence[str], dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """tokens int32 [N, time] between `begin` and `end`, as long as the data set's longest, and lengths int32 [N].

    Words that the vocabulary does not have are left out: no vector was learnt for them. A text that says "…" ends
    with `MORE`. UserError for a text without words, and for one that is too long.
    """
    vocabulary = _vocabulary(dataset)
    longest = dataset.train.spec["tokens"].shape[0]
    tokens, length = np.full((len(texts), longest), vocabulary.pad, np.int32), np.zeros(len(texts), np.int32)
    for row, text in enumerate(texts):
        words = vocabulary.encode(_cut(text, dataset))
        known = words[words != vocabulary.unknown]
        more = [MORE] * leaves_open(text)
        if not len(words) + len(more):
            raise UserError(f"the text is empty: say what is to be seen; {_known(dataset)}")
        ids = [vocabulary.begin, *known, *more, vocabulary.end]
        if len(ids) > longest:
            raise UserError(
                f"the text {text[:60]!r} has {len(ids) - 2} {vocabulary.level}s, and the longest that this network "
                f"reads has {longest - 2}: say less"
            )
        tokens[row, : len(ids)], length[row] = ids, len(ids)
    return tokens, length


def asked(text: str, dataset: Dataset, open_ended: bool) -> tuple[np.ndarray, np.ndarray]:
    """`tokens_of` one text of a user, [1, time] and [1]; UserError, too, for a word that was never learnt.

    And for "…", unless texts may be open_ended.
    """
    if leaves_open(text) and not open_ended:
        raise UserError(
            "this network reads whole captions, and nothing was trained to complete them: say what is to be seen, "
            "without '…'"
        )
    vocabulary = _vocabulary(dataset)
    unknown = [word for word in _cut(text, dataset) if word not in vocabulary.tokens]
    if unknown:
        close = difflib.get_close_matches(unknown[0], vocabulary.tokens, n=3)
        near = f"did you mean {' or '.join(map(repr, close))}?" if close else _known(dataset)
        raise UserError(f"this network never learnt the {vocabulary.level} {unknown[0]!r}: {near}")
    return tokens_of([text], dataset)


def leaves_open(text: str) -> bool:
    """Whether a text says "…", or "...": what it does not say may be anything."""
    return "…" in text or "..." in text


def written(text: str, dataset: Dataset) -> str:
    """A user's text as the data set's captions are written: for an encoder that knows other words, too.

    UserError for a text without words.
    """
    words = with_tones(text).replace(":", " ").split() if has_parts(dataset) else text.split()
    if not words:
        raise UserError(f"the text is empty: say what is to be seen; {_known(dataset)}")
    return " ".join(words)


def lose_words(tokens: jax.Array, length: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Captions that lose words, each with a chance of a half, and their lengths.

    tokens: int32 [batch, time], between `begin` and `end`, which stay; length: int32 [batch]. What stays moves
    together, and `MORE` follows it: without a sign, what is left of a caption would be another's whole.
    """
    assert_shapes(tokens=(tokens, "batch time"), length=(length, "batch"))
    assert_integers(tokens=tokens, length=length)
    place = jnp.arange(tokens.shape[1])
    word = (place > 0) & (place < length[:, None] - 1)
    dropped = word & jax.random.bernoulli(key, WORDS, tokens.shape)
    order = jnp.argsort(dropped, axis=1, stable=True)
    kept = jnp.take_along_axis(jnp.where(dropped, Vocabulary.pad, tokens), order, axis=1)
    end, some = length - 1 - dropped.sum(1, dtype=length.dtype), dropped.any(1)
    kept = jnp.where(some[:, None] & (place == end[:, None]), MORE, kept)
    kept = jnp.where(some[:, None] & (place == end[:, None] + 1), Vocabulary.end, kept)
    return kept, end + 1 + some


def _cut(text: str, dataset: Dataset) -> list[str]:
    """A text's tokens: tones of skin as one word in names of emoji, and words as the vocabulary writes them."""
    vocabulary = _vocabulary(dataset)
    text = text.replace("…", " ").replace("...", " ")
    tokens = vocabulary.cut(with_tones(text) if has_parts(dataset) else text)
    if vocabulary.level != "word":
        return tokens
    written = {token.lower(): token for token in vocabulary.tokens}
    cut = [token if token in vocabulary.tokens else written.get(token.lower(), token) for token in tokens]
    # "woman judge: dark skin tone" is written without signs in the set itself.
    return [token for token in cut if token in vocabulary.tokens or any(map(str.isalnum, token))]


def _known(dataset: Dataset) -> str:
    """What may be said, in words."""
    if has_parts(dataset):
        return "it knows emoji of people, such as 'woman judge: dark skin tone'"
    return f"it knows {', '.join(_vocabulary(dataset).tokens[4:16])}, …"


def _vocabulary(dataset: Dataset) -> Vocabulary:
    assert dataset.vocabulary is not None
    return dataset.vocabulary
