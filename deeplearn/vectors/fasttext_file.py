"""fastText's `.bin`, versions 11 and 12: words with counts, a table of words and buckets, one of output vectors."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from deeplearn.errors import UserError
from deeplearn.vectors.table import Subwords, Vectors

MAGIC, VERSIONS = struct.pack("<i", 793712314), (11, 12)
# dimensions, window, epochs, least count, negatives, n-grams of words, loss, model, buckets, least and most
# characters, update rate of the learning rate; the threshold of thinning.
SETTINGS = struct.Struct("<12id")
DICTIONARY = struct.Struct("<iiiqq")  # entries, words, labels, tokens, entries that were pruned (-1: none)
NEGATIVE_SAMPLING, SKIPGRAM = 2, 2
SHAPE = struct.Struct("<qq")


class _Reader:
    def __init__(self, data: bytes, file: Path) -> None:
        self.data, self.file, self.place = data, file, 0

    def take(self, count: int) -> bytes:
        end = self.place + count
        if count < 0 or end > len(self.data):
            raise UserError(f"{self.file} is cut short: a fastText model should go on after {len(self.data)} bytes")
        taken, self.place = self.data[self.place : end], end
        return taken

    def numbers(self, form: struct.Struct) -> tuple:
        return form.unpack(self.take(form.size))

    def word(self) -> str:
        end = self.data.find(b"\0", self.place)
        return self.take((end if end >= 0 else len(self.data)) + 1 - self.place)[:-1].decode(errors="replace")


def parsed(data: bytes, file: Path) -> Vectors:
    """The input vectors of a model without labels and quantisation; UserError for others."""
    reader = _Reader(data, file)
    reader.take(len(MAGIC))
    (version,) = reader.numbers(struct.Struct("<i"))
    if version not in VERSIONS:
        raise UserError(f"{file} is a fastText model of version {version}: versions 11 and 12 are read")
    width, *_, buckets, least, most, _, _ = reader.numbers(SETTINGS)
    entries, count, labels, _, pruned = reader.numbers(DICTIONARY)
    if labels or pruned >= 0:
        raise UserError(f"{file} is a fastText classifier or a pruned model: only word vectors are read")
    if not 0 < count == entries or buckets < 0 or width < 1:
        raise UserError(
            f"{file} says that it has {count} of {entries} words, {buckets} buckets and {width} dimensions: it is "
            "damaged"
        )
    words, counts = [], []
    for _ in range(entries):
        words.append(reader.word())
        counts.append(reader.numbers(struct.Struct("<qb"))[0])
    if reader.take(1) != b"\0":
        raise UserError(f"{file} is a quantised fastText model: only whole ones are read")
    rows, columns = reader.numbers(SHAPE)
    if columns != width or rows != count + buckets:
        raise UserError(f"{file} has a table of {rows}×{columns} numbers for {count} words and {buckets} buckets")
    table = np.frombuffer(reader.take(4 * rows * columns), "<f4").reshape(rows, columns)
    if not np.isfinite(table).all():
        raise UserError(f"{file} has vectors with numbers that are not finite")
    found = Subwords(table[:count], table[count:], least, most)
    return Vectors.of_subwords(words, found, np.array(counts, np.int64))


def written(vectors: Vectors) -> bytes:
    """The bytes of a file; its output vectors, which only training needs, are zeros."""
    own = vectors.subwords
    assert own is not None
    count, width = own.words.shape
    counts = np.ones(count, np.int64) if vectors.counts is None else vectors.counts
    settings = width, 5, 5, 1, 5, 1, NEGATIVE_SAMPLING, SKIPGRAM, len(own.buckets), own.least, own.most, 100, 1e-4
    table = np.concatenate([own.words, own.buckets]).astype("<f4")
    entries = (
        word.encode() + b"\0" + struct.pack("<qb", number, 0)
        for word, number in zip(vectors.words, counts.tolist(), strict=True)
    )
    return b"".join(
        [
            MAGIC + struct.pack("<i", VERSIONS[-1]) + SETTINGS.pack(*settings),
            DICTIONARY.pack(count, count, 0, int(counts.sum()), -1) + b"".join(entries),
            b"\0" + SHAPE.pack(*table.shape) + table.tobytes(),
            b"\0" + SHAPE.pack(count, width) + bytes(4 * count * width),
        ]
    )
