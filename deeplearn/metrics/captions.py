"""Captions against what pictures are called, word for word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

Words = Sequence[str]


def exact(captions: Sequence[Words], names: Sequence[Sequence[Words]]) -> np.ndarray:
    """bool [N]: whether a caption is one of the names of its picture, each at least one."""
    return np.array(
        [any(list(caption) == list(name) for name in each) for caption, each in zip(captions, names, strict=True)]
    )


def word_overlap(captions: Sequence[Words], names: Sequence[Sequence[Words]]) -> np.ndarray:
    """[N]: words that a caption and a name share, each as often as in both, over the words of the longer one.

    The name is the one of the picture that has most in common with the caption; 1 says that the words are the same
    in some order.
    """
    return np.array(
        [max(_shared(caption, name) for name in each) for caption, each in zip(captions, names, strict=True)]
    )


def _shared(caption: Words, name: Words) -> float:
    longer = max(len(caption), len(name))
    return (Counter(caption) & Counter(name)).total() / longer if longer else 1.0
