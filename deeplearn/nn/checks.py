"""Assertions by chex about the arguments of a function, which name the argument and both shapes.

Shapes and types are known while a program is traced, so in a compiled program an assertion costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import chex
import numpy as np

IMAGES = "batch height width channels"


def assert_shapes(**arguments: tuple[Any, str]) -> None:
    """`assert_shapes(logits=(logits, "batch classes"), label=(label, "batch"))`; AssertionError if one differs.

    Axes are written as in jaxtyping. A word is an axis, of the same size everywhere in a call. A number is an
    axis of that size. "*lead" is any number of axes, of the same sizes everywhere in a call; "..." is any number of
    axes of any size. An argument has at most one of these two.
    """
    sizes: dict[str, tuple[int, ...]] = {}
    for name, (array, axes) in arguments.items():
        words, shape, known = axes.split(), np.shape(array), dict(sizes)
        _bind(words, shape, sizes)
        try:
            chex.assert_shape(array, _matcher(words, sizes))
        except AssertionError:
            others = _others(name, {other: np.shape(value) for other, (value, _) in arguments.items()})
            beside = f", beside {others}" if others else ""
            raise AssertionError(f"{name} has shape {shape}, not {_text(words, known)}{beside}") from None


def assert_broadcastable(**arguments: Any) -> None:
    """Asserts that all arguments broadcast to one shape; AssertionError names the first that does not."""
    shapes = {name: np.shape(array) for name, array in arguments.items()}
    rank = max(map(len, shapes.values()))
    padded = [(1,) * (rank - len(shape)) + shape for shape in shapes.values()]
    joint = tuple(map(max, zip(*padded, strict=True)))
    for name, shape in shapes.items():
        try:
            chex.assert_is_broadcastable(shape, joint)
        except AssertionError:
            others = _others(name, shapes)
            raise AssertionError(f"{name} has shape {shape}, which does not broadcast with {others}") from None


def assert_integers(**arguments: Any) -> None:
    """Asserts that all arguments are arrays of integers; AssertionError names the first that is not."""
    for name, array in arguments.items():
        try:
            chex.assert_type(array, int)
        except AssertionError:
            raise AssertionError(f"{name} is of type {array.dtype}, not of integers") from None


def _others(name: str, shapes: Mapping[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{other} {shape}" for other, shape in shapes.items() if other != name)


def _any_number(word: str) -> bool:
    return word == "..." or word.startswith("*")


def _bind(words: Sequence[str], shape: tuple[int, ...], sizes: dict[str, tuple[int, ...]]) -> None:
    """Gives words without a size the sizes of the axes in their place, if the rank is right."""
    several = any(map(_any_number, words))
    length = len(shape) - len(words) + several
    if length < 0 or (length > 0 and not several):
        return
    start = 0
    for word in words:
        end = start + (length if _any_number(word) else 1)
        if word != "...":
            sizes.setdefault(word, (int(word),) if word.isdigit() else shape[start:end])
        start = end


def _matcher(words: Sequence[str], sizes: dict[str, tuple[int, ...]]) -> tuple[Any, ...]:
    """The shape as chex expects it."""
    matcher: list[Any] = []
    for word in words:
        matcher.extend(sizes.get(word, (... if _any_number(word) else None,)))
    return tuple(matcher)


def _text(words: Sequence[str], sizes: Mapping[str, tuple[int, ...]]) -> str:
    """[batch=8, classes]: words, with their sizes where an earlier argument has given them."""

    def sized(word: str) -> str:
        if word not in sizes or word.isdigit():
            return word
        return f"{word}={sizes[word] if _any_number(word) else sizes[word][0]}"

    return f"[{', '.join(map(sized, words))}]"
