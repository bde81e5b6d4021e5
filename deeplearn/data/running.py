"""Rows of tokens joined to one running text, and windows of it: what language models learn from."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import jax
import numpy as np

from deeplearn.data.split import Batch, Spec, Split
from deeplearn.data.vocabulary import Vocabulary

UNKNOWN = "\ufffd"  # what is written for a token that is in no vocabulary


def running(split: Split) -> np.ndarray:
    """All tokens of a split in their order, int32 [total]: `begin`, then the rows.

    Rows are pieces of one text, unless there are texts beside them (`split.texts`): then each is a text of its own
    and `end` follows it.
    """
    columns = split.arrays()
    tokens, length = columns["tokens"], columns["length"]
    inside = np.arange(tokens.shape[1]) < length[:, None]
    if "text" in split.texts:
        tokens = np.pad(tokens, ((0, 0), (0, 1)))
        tokens[np.arange(len(tokens)), length] = Vocabulary.end
        inside = np.arange(tokens.shape[1]) <= length[:, None]
    return np.concatenate([[Vocabulary.begin], tokens[inside]]).astype(np.int32)


def written(tokens: np.ndarray, vocabulary: Vocabulary) -> str:
    """A running text as text: `end` is the end of a line, an unknown token is UNKNOWN."""
    lines = np.split(tokens, np.flatnonzero(tokens == vocabulary.end))
    return "\n".join(_line(line[line != vocabulary.end], vocabulary) for line in lines)


def _line(tokens: np.ndarray, vocabulary: Vocabulary) -> str:
    spelt = np.array([*vocabulary.tokens[: vocabulary.unknown], UNKNOWN, *vocabulary.tokens[2:]], object)
    return vocabulary.join(spelt[tokens[(tokens != vocabulary.begin) & (tokens != vocabulary.pad)]])


class RunningWindows:
    """Every window of `size` tokens of a split's running text, one for each place where it can begin.

    A `Split` with the column `tokens` int32 [size]. The text is read when it is first needed; it has at least
    `size` tokens.
    """

    texts: tuple[str, ...] = ()

    def __init__(self, split: Split, size: int) -> None:
        self._split, self._size = split, size

    @functools.cached_property
    def _windows(self) -> np.ndarray:
        return np.lib.stride_tricks.sliding_window_view(running(self._split), self._size)

    @property
    def spec(self) -> Spec:
        return {"tokens": jax.ShapeDtypeStruct((self._size,), np.int32)}

    def __len__(self) -> int:
        return len(self._windows)

    def gather(self, indices: np.ndarray, among: np.ndarray | None = None) -> Batch:
        return {"tokens": self._windows[indices]}

    def arrays(self, limit: int | None = None) -> Batch:
        return {"tokens": self._windows[:limit]}


def scored(tokens: np.ndarray, context: int) -> Mapping[str, np.ndarray]:
    """A running text in windows, so that each of its tokens but the first is scored once.

    `tokens` int32 [windows, context + 1] overlap by half, and `weight` float32 [windows, context] is 1 where a
    window's token 1, 2, … is scored in it: all of the first window, the later half of the others. So a token is
    predicted from at least context // 2 tokens, or from all there are.
    """
    stride = max(1, context // 2)
    count = 1 + max(0, -(-(len(tokens) - 1 - context) // stride))
    padded = np.pad(tokens, (0, context + 1 + stride * (count - 1) - len(tokens)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, context + 1)[::stride]
    places = stride * np.arange(count)[:, None] + np.arange(1, context + 1)
    weight = places < len(tokens)
    weight[1:, : context - stride] = False
    return {"tokens": windows, "weight": weight.astype(np.float32)}
