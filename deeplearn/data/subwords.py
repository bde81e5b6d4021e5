"""The n-grams of characters of a word, hashed into buckets (Bojanowski et al. 2017), as fastText does it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deeplearn.errors import UserError

END = "</s>"  # fastText's word for the end of a sentence
LIMIT = 500  # parts of a word
LEAST, MOST = 3, 6  # characters of an n-gram, `<` and `>` at the word's ends included
OFFSET, PRIME = 2166136261, 16777619  # of FNV-1a with 32 bits


def fnv1a(data: bytes) -> int:
    """The hash of fastText: FNV-1a with 32 bits, except that bytes from 128 on are taken as negative numbers."""
    value = OFFSET
    for byte in data:
        signed = byte - 256 if byte > 127 else byte
        value = ((value ^ (signed & 0xFFFFFFFF)) * PRIME) & 0xFFFFFFFF
    return value


def ngrams(word: str, least: int = LEAST, most: int = MOST) -> list[str]:
    """The pieces of `<word>` of `least` to `most` characters, in the order of their starts.

    As in fastText a single `<` or `>` is none, the whole `<word>` is one where it is short enough, and the end of a
    sentence, </s>, has none.
    """
    if word == END:
        return []
    text = f"<{word}>"
    return [
        text[start : start + length]
        for start in range(len(text))
        for length in range(least, most + 1)
        if start + length <= len(text) and not (length == 1 and start in (0, len(text) - 1))
    ]


def buckets_of(word: str, buckets: int, least: int = LEAST, most: int = MOST) -> list[int]:
    """The bucket of each n-gram of a word, 0 .. buckets − 1."""
    return (
        [fnv1a(piece.encode("utf-8", "replace")) % buckets for piece in ngrams(word, least, most)]
        if buckets
        else []
    )


def parts(words: Sequence[str], buckets: int, least: int = LEAST, most: int = MOST) -> np.ndarray:
    """What each word's vector is the mean of: rows int32 [words, parts], padded with 0.

    Row w is the word's own, row len(words) + b that of bucket b. Word 0 is that of padding and has no parts, nor
    has an empty word. UserError where a word has more than LIMIT: all others would be padded to it.
    """
    rows: list[list[int]] = [[]]
    for number, word in enumerate(words[1:], 1):
        own = [number, *(len(words) + bucket for bucket in buckets_of(word, buckets, least, most))] if word else []
        if len(own) > LIMIT:
            raise UserError(
                f"the word {word[:20]!r}… has {len(word)} characters and {len(own)} n-grams, more than {LIMIT}: "
                "leave it out by a larger --min_count, or choose a smaller --most"
            )
        rows.append(own)
    found = np.zeros((len(words), max(1, *map(len, rows))), np.int32)
    for number, row in enumerate(rows):
        found[number, : len(row)] = row
    return found
