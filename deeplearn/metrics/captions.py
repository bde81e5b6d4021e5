"""Captions against what pictures are called, word for word."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

Words = Sequence[str]


def names_of(texts: Sequence[Words], classes: Iterable[int] | None = None) -> list[list[Words]]:
    """The names of each picture: of pictures of one class, which are the same, all of their texts; else its own."""
    of_class: dict[int, list[Words]] = defaultdict(list)
    label = list(range(len(texts)) if classes is None else classes)
    for number, text in zip(label, texts, strict=True):
        of_class[number].append(text)
    return [of_class[number] for number in label]


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
