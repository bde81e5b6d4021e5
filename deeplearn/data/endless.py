"""Tasks of memory without end: sequences generated when they are read, row i a pure function of i.

    adding/T   T numbers in [0, 1], two of them marked, one in each half: their sum. (Hochreiter & Schmidhuber 1997,
               section 5.4, in the form of Le, Jaitly & Hinton 2015)
    recent/T   the same with both marks among the last ten steps: nothing to be remembered for long
    copy/T     ten symbols, T - 1 blanks, a sign, ten blanks: the ten symbols again, after the sign (Hochreiter &
               Schmidhuber 1997; Arjovsky, Shah & Bengio 2016, section 5.2)

`Dataset.about["guess"]` is the expected loss of the best answer that remembers nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from deeplearn.data.dataset import Dataset
from deeplearn.data.split import Arrays, Batch, Spec
from deeplearn.data.vocabulary import SPECIAL, Vocabulary
from deeplearn.errors import UserError

ROWS = 2**40  # of train: more than any run reads
HELD_OUT = 2000  # rows of validation and of test
WHOLE = 2**16  # rows of an endless split that may be read at once without saying how many
LENGTHS = 10, 100_000  # of T
NEAR = 10  # the steps among which `recent` has its marks
SYMBOLS, COPIED = "abcdefgh", 10
BLANK, GO = "_", ":"

Make = Callable[[np.ndarray], Batch]
GAMMA = np.uint64(0x9E3779B97F4A7C15)


class Endless:
    """A split whose rows are computed: make(indices [N] int64) -> {key: [N, ...]}."""

    texts: tuple[str, ...] = ()

    def __init__(self, make: Make, rows: int = ROWS) -> None:
        self._make, self._rows = make, rows

    def __len__(self) -> int:
        return self._rows

    @property
    def spec(self) -> Spec:
        one = self._make(np.zeros(1, np.int64))
        return {key: jax.ShapeDtypeStruct(column.shape[1:], column.dtype) for key, column in one.items()}

    def gather(self, indices: np.ndarray, among: np.ndarray | None = None) -> Batch:
        return self._make(np.asarray(indices, np.int64))

    def arrays(self, limit: int | None = None) -> Batch:
        if limit is None and self._rows > WHOLE:
            raise UserError(f"there are {self._rows} examples without end: read some of them")
        return self._make(np.arange(self._rows if limit is None else min(limit, self._rows)))


def uniforms(indices: np.ndarray, count: int, key: int) -> np.ndarray:
    """Numbers in [0, 1), float64 [N, count]; row n depends on indices[n] and the key alone.

    They are the outputs of SplitMix64 (Steele, Lea & Flood 2014) whose state begins, for each row, at the output of
    another one.
    """
    with np.errstate(over="ignore"):  # arithmetic modulo 2^64
        rows = _mixed(np.asarray(indices).astype(np.uint64) * GAMMA + _mixed(np.uint64(key + 1) * GAMMA))
        bits = _mixed(rows[:, None] + np.arange(1, count + 1, dtype=np.uint64) * GAMMA)
    return (bits >> np.uint64(11)) * 2.0**-53


def _mixed(z: Any) -> Any:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def sums(length: int, near: int, key: int) -> Make:
    """`sequence` float32 [length, 2] of values and marks, `target` float32 [], the sum of the two marked values.

    One mark stands in each half of the last `near` steps.
    """

    def make(indices: np.ndarray) -> Batch:
        drawn = uniforms(indices, length + 2, key)
        values, places, half = drawn[:, :length].astype(np.float32), drawn[:, length:], near // 2
        marks = np.zeros_like(values)
        rows = np.arange(len(values))
        marks[rows, length - near + (places[:, 0] * half).astype(int)] = 1
        marks[rows, length - near + half + (places[:, 1] * (near - half)).astype(int)] = 1
        return {"sequence": np.stack([values, marks], -1), "target": (values * marks).sum(1)}

    return make


VOCABULARY = Vocabulary((*SPECIAL, *SYMBOLS, BLANK, GO), "character")
CLASSES = (BLANK, *SYMBOLS)


def copies(length: int, key: int) -> Make:
    """`tokens` int32 [length + 20], ids of VOCABULARY, `tags` of that shape, places in CLASSES, and `length`."""
    first, blank, go = (int(VOCABULARY.encode([sign])[0]) for sign in (SYMBOLS[0], BLANK, GO))

    def make(indices: np.ndarray) -> Batch:
        symbols = (uniforms(indices, COPIED, key) * len(SYMBOLS)).astype(np.int32)
        tokens = np.full((len(symbols), length + 2 * COPIED), blank, np.int32)
        tokens[:, :COPIED] = first + symbols
        tokens[:, -COPIED - 1] = go
        tags = np.zeros_like(tokens)
        tags[:, -COPIED:] = 1 + symbols
        return {"tokens": tokens, "tags": tags, "length": np.full(len(symbols), tokens.shape[1], np.int32)}

    return make


def load_endless(name: str, length: str) -> Dataset:
    """One of the tasks above; length: T as it was written. UserError for another T."""
    low, high = LENGTHS
    steps = int(length) if length.isdecimal() and len(length) < 10 else 0
    if not low <= steps <= high:
        raise UserError(f"{name}/{length} has no such length: say {name}/50, or any number from {low} to {high:,}.")

    def make(key: int) -> Make:
        if name == "copy":
            return copies(steps, key)
        return sums(steps, min(steps, NEAR) if name == "recent" else steps, key)

    validation, test = (Arrays(make(key)(np.arange(HELD_OUT))) for key in (1, 2))
    copied = COPIED * math.log(len(SYMBOLS)) / (steps + 2 * COPIED)
    return Dataset(
        f"{name}/{steps}",
        Endless(make(0)),
        validation,
        test,
        classes=CLASSES if name == "copy" else (),
        vocabulary=VOCABULARY if name == "copy" else None,
        # Of sums: the variance of a sum of two uniform numbers.
        about={"guess": copied if name == "copy" else 1 / 6, "length": steps},
    )
