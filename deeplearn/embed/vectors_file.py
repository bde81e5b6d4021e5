"""A file of texts and their vectors, with what made them; the nearest of them to another vector.

An npz: `vectors` float32 [N, features]; `texts` uint8, the UTF-8 of all texts with a newline between them; `made`,
JSON: the fingerprint of the weights, the pooling.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from deeplearn.errors import UserError, brief, reason
from deeplearn.metrics.closeness import unit


class Vectors(NamedTuple):
    """texts: each on one line. vectors: float32 [N, features]. pool, fingerprint: of the `TextEncoder`."""

    texts: list[str]
    vectors: np.ndarray
    pool: str
    fingerprint: str


def save(file: Path, kept: Vectors) -> None:
    made = json.dumps({"pool": kept.pool, "fingerprint": kept.fingerprint})
    texts = "\n".join(kept.texts).encode("utf-8")
    try:
        with file.open("wb") as out:
            np.savez_compressed(
                out, vectors=kept.vectors, texts=np.frombuffer(texts, np.uint8), made=np.array(made)
            )
    except OSError as error:
        raise UserError(f"cannot write {file} ({error.strerror})") from None


def load(file: Path) -> Vectors:
    """UserError for a file that `save` did not write."""
    if not file.is_file():
        raise UserError(f"there is no file of vectors {file}")
    try:
        with np.load(file, allow_pickle=False) as arrays:
            vectors, texts, made = (
                arrays["vectors"],
                bytes(arrays["texts"]).decode(),
                json.loads(str(arrays["made"])),
            )
        kept = Vectors(texts.split("\n"), vectors, str(made["pool"]), str(made["fingerprint"]))
        if vectors.dtype != np.float32 or vectors.ndim != 2 or len(vectors) != len(kept.texts):
            raise ValueError(f"{len(kept.texts)} texts and vectors {vectors.dtype} {vectors.shape}")
    except OSError as error:
        raise UserError(f"cannot read {file} ({reason(error)})") from None
    except Exception as error:  # whatever bytes do that are no npz
        raise UserError(f"{file} holds no vectors that deeplearn.embed wrote ({brief(error)})") from None
    return kept


def nearest(vectors: np.ndarray, query: np.ndarray, count: int) -> list[tuple[int, float]]:
    """(row, cosine) of the `count` of vectors [N, features] with the smallest angles to query [features]."""
    cosines = unit(vectors) @ unit(query[None])[0]
    return [(int(row), float(cosines[row])) for row in np.argsort(-cosines, kind="stable")[:count]]
