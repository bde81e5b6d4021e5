"""Files of word vectors: word2vec's text and binary forms, and GloVe's, which is the text without a first line.

fastText's `.bin`, which holds vectors of n-grams too, is in `fasttext_file`. gensim, fastText and spaCy read what
is written here.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from deeplearn.data.utf8 import lines
from deeplearn.errors import UserError
from deeplearn.vectors import fasttext_file
from deeplearn.vectors.table import Vectors

LARGEST = 10_000_000  # words, and features: more than this in a first line is no size


def read(path: str | os.PathLike) -> Vectors:
    """Vectors of a file, whose form is found out. UserError for what is none, or is cut short."""
    file = Path(path)
    try:
        data = file.read_bytes()
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror})") from None
    if data[:4] == fasttext_file.MAGIC:
        return fasttext_file.parsed(data, file)
    data = data.removeprefix(codecs.BOM_UTF8)
    first, _, rest = data.partition(b"\n")
    sizes = first.split()
    header = len(sizes) == 2 and all(one.isdigit() and len(one) < 10 for one in sizes)
    count, width = (int(one) for one in sizes) if header else (0, 0)
    if header and not (0 < count <= LARGEST and 0 < width <= LARGEST):
        raise UserError(f"{file} says in its first line that it has {count} vectors of {width} numbers")
    if header and _is_binary(rest, width):
        return _binary(rest, count, width, file)
    try:
        text = (rest if header else data).decode()
    except UnicodeDecodeError:
        raise UserError(
            f"{file} holds no word vectors: it is neither word2vec's text in UTF-8, nor its binary form, nor "
            "fastText's .bin"
        ) from None
    return _text(lines(text) if text.strip() else [], count, width, file, 1 + header)


def _is_binary(rest: bytes, width: int) -> bool:
    """Whether what follows a first line is binary: the bytes of its first vectors are not those of a text."""
    vectors = rest.partition(b" ")[2][: max(4 * width, 1000)]
    if len(vectors) < 4 * width:
        return False
    if any(byte < 9 or 13 < byte < 32 for byte in vectors):
        return True
    try:
        codecs.getincrementaldecoder("utf-8")().decode(vectors)
    except UnicodeDecodeError:  # binary, or a text in another encoding
        fields = rest.partition(b"\n")[0].decode("latin-1").split()[1:]
        return not (fields and all(map(_number, fields)))
    return False


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _text(rows_of_text: Iterable[str], count: int, width: int, file: Path, first: int) -> Vectors:
    words, rows = [], []
    for number, line in enumerate(rows_of_text, first):
        word, *values = line.rstrip(" \r").split(" ")
        width = width or len(values)
        try:
            row = np.array(values, np.float32)
        except ValueError:
            row = np.zeros(0, np.float32)
        if len(row) != width or not width:
            raise UserError(
                f"line {number} of {file} should be a word and {width or 'some'} numbers, separated by spaces, but "
                f"has {len(values)} field(s) after the word"
            )
        words.append(word)
        rows.append(row)
    if not words or (count and len(words) != count):
        raise UserError(f"{file} should have {count or 'some'} vectors, but has {len(words)}: it is cut short")
    return checked(words, np.stack(rows), file)


def _binary(data: bytes, count: int, width: int, file: Path) -> Vectors:
    words, rows, place = [], [], 0
    for number in range(count):
        while data[place : place + 1] == b"\n":  # word2vec's own program writes one after each vector
            place += 1
        space = data.find(b" ", place)
        end = space + 1 + 4 * width
        if space < 0 or end > len(data):
            raise UserError(f"{file} should have {count} vectors, but is cut short after {number}")
        words.append(data[place:space].decode(errors="replace"))
        rows.append(np.frombuffer(data[space + 1 : end], "<f4"))
        place = end
    return checked(words, np.stack(rows), file)


def checked(words: list[str], table: np.ndarray, file: Path) -> Vectors:
    """UserError where vectors are not finite; of a word that comes twice the first vector counts, as in gensim."""
    if not np.isfinite(table).all():
        row = int(np.flatnonzero(~np.isfinite(table).all(1))[0])
        raise UserError(f"the vector of {words[row]!r} in {file} has numbers that are not finite")
    firsts: dict[str, int] = {}
    for number, word in enumerate(words):
        firsts.setdefault(word, number)
    kept = list(firsts.values())
    return Vectors(tuple(firsts), np.asarray(table, np.float32)[kept])


def write(vectors: Vectors, path: str | os.PathLike) -> None:
    """Writes what the name's ending says: .txt and .vec text, .bin binary, fastText's where there are n-grams.

    UserError for another ending, and for words that the form cannot hold.
    """
    file = Path(path)
    if file.suffix not in (".txt", ".vec", ".bin"):
        raise UserError(f"{file} should end in .txt or .vec, word2vec's text form, or in .bin, its binary form")
    if bad := next((word for word in vectors.words if not word or set(word) & set(" \n")), None):
        raise UserError(f"the word {bad!r} cannot be written: in these files a space ends a word")
    if file.suffix == ".bin" and vectors.subwords is not None:
        content = fasttext_file.written(vectors)
    else:
        rows = zip(vectors.words, np.asarray(vectors.table, "<f4"), strict=True)
        head = f"{len(vectors.words)} {vectors.table.shape[1]}\n".encode()
        if file.suffix == ".bin":
            content = head + b"".join(word.encode() + b" " + row.tobytes() + b"\n" for word, row in rows)
        else:
            written = (f"{word} {' '.join(map(str, row.tolist()))}\n" for word, row in rows)
            content = head + "".join(written).encode()
    try:
        file.write_bytes(content)
    except OSError as error:
        raise UserError(f"{file} cannot be written ({error.strerror})") from None
