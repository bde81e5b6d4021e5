"""Asymmetric numeral systems, the range variant (Duda 2013, arXiv:1311.2540, section 3.3), vectorised over streams.

A message is a stack: what was pushed last is popped first. Popping with a distribution that nothing was pushed with
draws a sample from it; pushing the sample again returns the bits that this took. Bits-back coding rests on this.

A symbol is an interval [start, start + frequency) of 0 … 2^precision; pushing it adds precision − log2 frequency
bits, up to a rounding error of 2^(precision − 32). All arithmetic is on integers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

WORD = 32  # bits; a head is in [2^32, 2^64)
MIN_HEAD = np.uint64(1 << WORD)

Tail = tuple[Any, ...]  # () or (words uint32 [n], the tail below them)


class Message(NamedTuple):
    """heads: uint64 [streams], one per stream. tail: the words that all streams have moved out of their heads."""

    heads: np.ndarray
    tail: Tail


class UsedUp(ValueError):
    """A message has no words left for a symbol to be popped."""


def empty(streams: int) -> Message:
    return Message(np.full(streams, MIN_HEAD), ())


def push(message: Message, starts: np.ndarray, frequencies: np.ndarray, precision: int) -> Message:
    """Pushes a symbol on each of the first n streams; starts and frequencies uint64 [n], frequencies at least 1.

    precision is at most 32.
    """
    count, bits = len(starts), np.uint64(precision)
    heads, tail = message.heads[:count], message.tail
    full = (heads >> (np.uint64(64) - bits)) >= frequencies
    if full.any():
        tail = (heads[full].astype(np.uint32), tail)
        heads = np.where(full, heads >> np.uint64(WORD), heads)
    heads = ((heads // frequencies) << bits) + heads % frequencies + starts
    return Message(np.concatenate([heads, message.heads[count:]]), tail)


Found = tuple[np.ndarray, np.ndarray, np.ndarray]


def pop(
    message: Message, find: Callable[[np.ndarray], Found], precision: int, count: int, whole: bool = False
) -> tuple[Message, np.ndarray]:
    """The message without the last symbol of each of the first `count` streams, and these symbols.

    find(points) -> (symbols, starts, frequencies): the intervals that hold the points, uint64 [count] below
    2^precision. A message that is used up continues as if words of zeros lay below it; pushing the symbols again
    leaves these words at the bottom. With `whole`, for what was pushed as a whole, it is UsedUp instead.
    """
    bits = np.uint64(precision)
    heads, tail = message.heads[:count], message.tail
    points = heads & ((np.uint64(1) << bits) - np.uint64(1))
    symbols, starts, frequencies = find(points)
    heads = frequencies * (heads >> bits) + points - starts
    low = heads < MIN_HEAD
    if low.any():
        words, tail = _take(tail, int(np.count_nonzero(low)), whole)
        heads[low] = (heads[low] << np.uint64(WORD)) | words
    return Message(np.concatenate([heads, message.heads[count:]]), tail), symbols


def _take(tail: Tail, count: int, whole: bool) -> tuple[np.ndarray, Tail]:
    """The top `count` words, in the order in which they were put there, and the tail below them."""
    parts = []
    while count and tail:
        words, tail = tail
        if len(words) > count:
            words, tail = words[-count:], (words[:-count], tail)
        parts.append(words)
        count -= len(words)
    if count and whole:
        raise UsedUp
    parts.append(np.zeros(count, np.uint32))
    return np.concatenate(parts[::-1]).astype(np.uint64), tail


def flatten(message: Message) -> np.ndarray:
    """All words, uint32 [n]: from the bottom of the tail to its top, then two per head."""
    parts, tail = [], message.tail
    while tail:
        words, tail = tail
        parts.append(words)
    heads = np.stack([message.heads >> np.uint64(WORD), message.heads & np.uint64((1 << WORD) - 1)], axis=1)
    return np.concatenate([*parts[::-1], heads.astype(np.uint32).ravel()])


def unflatten(words: np.ndarray, streams: int) -> Message:
    """The inverse of `flatten`: the message of words [at least 2 · streams]."""
    high, low = words[len(words) - 2 * streams :].astype(np.uint64).reshape(streams, 2).T
    rest = words[: len(words) - 2 * streams]
    return Message((high << np.uint64(WORD)) | low, (rest, ()) if len(rest) else ())
