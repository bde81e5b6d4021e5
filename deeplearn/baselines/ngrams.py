"""What a language model is compared with: n-grams with Kneser–Ney smoothing, and compressors of files."""

from __future__ import annotations

import functools
import lzma
from collections.abc import Callable, Sequence

import chex
import numpy as np
import pyarrow

from deeplearn.baselines.classical import Thunks
from deeplearn.errors import UserError
from deeplearn.measured import Measured

HIGHEST = 10  # of the orders among which validation chooses


def kneser_ney(train: np.ndarray, text: np.ndarray, size: int, highest: int) -> list[np.ndarray]:
    """p of each token of `text` but its first, [time − 1], by n-grams of order 1, 2, … highest, in this order.

    Interpolated, with modified Kneser–Ney smoothing (Chen & Goodman 1999, equations 23 to 26): below the highest
    order a count is of the different tokens before which an n-gram is seen. An order needs the order − 1 tokens
    before, or all there are.

    train, text: int32 [time], running texts, whose first token is given. size: how many different tokens there can
    be: below single tokens each has the probability 1 / size.
    """
    chex.assert_rank([train, text], 1)
    cut, tokens = len(train), np.concatenate([train, text]).astype(np.int64)
    place = np.concatenate([np.arange(cut), np.arange(len(text))])
    context = np.zeros(len(tokens), np.int64)
    lower = np.full(len(text), 1 / size)
    found = []
    gram = _numbers(context, tokens, place >= 0)
    for order in range(1, highest + 1):
        own = np.flatnonzero((gram[:cut] >= 0) & (place[:cut] > 0))
        found.append(_smoothed(gram, context, own, lower)[1:])
        # One token more, to the left: what stands before the token's context, with the token.
        longer_context = np.concatenate([[-1], gram[:-1]])
        longer = _numbers(longer_context, tokens, place >= order)
        _, first = np.unique(longer[:cut], return_index=True)
        lower = _smoothed(gram, context, first[longer[first] >= 0], lower)
        gram, context = longer, np.where(place >= order, longer_context, -1)
    return found


def _numbers(context: np.ndarray, tokens: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """A number for each n-gram, given the number of its context and its last token; −1 where it is not whole."""
    pairs = context * (tokens.max() + 1) + tokens
    return np.where(whole, np.unique(pairs, return_inverse=True)[1].reshape(-1), -1)


def _smoothed(gram: np.ndarray, context: np.ndarray, counted: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """p of the last len(lower) tokens, each interpolated with its p of a lower order.

    gram, context: their numbers, for every token of both texts. counted: the places that count.
    """
    size = max(gram.max(), context.max()) + 1
    counts = np.bincount(gram[counted], minlength=size)
    _, first = np.unique(gram[counted], return_index=True)
    one = counted[first]  # a place of each different n-gram
    many = counts[gram[one]]
    discount = _discounts(np.bincount(many, minlength=5)[1:5])
    total = np.bincount(context[one], weights=many, minlength=size)
    spared = np.bincount(context[one], weights=discount[np.minimum(many, 3)], minlength=size)
    gram, context = gram[-len(lower) :], context[-len(lower) :]
    count = np.where(gram >= 0, counts[gram], 0)
    known = (context >= 0) & (total[context] > 0)
    above = count - discount[np.minimum(count, 3)] + spared[context] * lower
    return np.where(known, above / np.where(known, total[context], 1), lower)


def _discounts(times: np.ndarray) -> np.ndarray:
    """[0, D₁, D₂, D₃₊] from how many n-grams are seen once, twice, three and four times (equation 26)."""
    n = np.maximum(times, 1.0)  # of a tiny text some are missing
    y = n[0] / (n[0] + 2 * n[1])
    found = [k - (k + 1) * y * n[k] / n[k - 1] for k in (1, 2, 3)]
    return np.array([0.0, *np.clip(found, [0.1, 0.1, 0.1], [0.9, 1.9, 2.9])])


def ngrams(train: np.ndarray, validation: np.ndarray, test: np.ndarray, size: int, characters: int) -> Thunks:
    """{"n-grams, Kneser–Ney": thunk} with the order that is best on validation.

    Running texts as in `kneser_ney`. Metrics: `bits_per_character` of test, which has so many characters; `order`.
    """

    def thunk() -> Measured:
        order, bits = _best_order(train, validation, test, size)
        return Measured({"bits_per_character": float(bits.sum() / characters), "order": order})

    return {"n-grams, Kneser–Ney": thunk}


def ngrams_by_token(texts: Sequence[np.ndarray], size: int) -> Thunks:
    """{"unigrams", "n-grams, Kneser–Ney": thunk}, the latter of the order that is best on validation.

    texts: of train, validation and test, as in `kneser_ney`. Metrics: `bits_per_token` of test, `perplexity`, that
    is 2^bits, and `order`. UserError, when they are counted, for texts of fewer than two tokens.
    """
    train, validation, test = texts

    def row(highest: int) -> Measured:
        if min(map(len, texts)) < 2:
            raise UserError("n-grams need at least two known tokens in each split")
        order, bits = _best_order(train, validation, test, size, highest)
        mean = float(bits.mean())
        return Measured({"bits_per_token": mean, "perplexity": 2**mean, "order": order})

    rows = {"unigrams": 1, "n-grams, Kneser–Ney": HIGHEST}
    return {name: functools.partial(row, highest) for name, highest in rows.items()}


def _best_order(
    train: np.ndarray, validation: np.ndarray, test: np.ndarray, size: int, highest: int = HIGHEST
) -> tuple[int, np.ndarray]:
    """(the order with the fewest bits on validation, the bits of each token of test but its first)."""
    bits = [-np.log2(p).mean() for p in kneser_ney(train, validation, size, highest)]
    order = 1 + int(np.argmin(bits))
    return order, -np.log2(kneser_ney(train, test, size, order)[-1])


def _xz(data: bytes) -> int:
    return len(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME))


def _zstd(data: bytes) -> int:
    return len(pyarrow.Codec("zstd", 19).compress(data))


def text_compressors(train: str, test: str) -> Thunks:
    """{"xz -9e", "zstd -19": thunk}: the bits by which the training text's file grows when test follows in it.

    Metrics: `bits_per_character`; `alone`, the same for test in a file of its own.
    """

    def row(size: Callable[[bytes], int]) -> Measured:
        before, after = train.encode(), test.encode()
        grown = size(before + after) - size(before)
        bits = {"bits_per_character": grown, "alone": size(after)}
        return Measured({name: 8 * count / len(test) for name, count in bits.items()})

    return {"xz -9e": functools.partial(row, _xz), "zstd -19": functools.partial(row, _zstd)}
