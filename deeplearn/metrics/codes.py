"""What codes that were learnt without labels have to do with what is known of the data."""

from __future__ import annotations

import numpy as np

from deeplearn.nn.checks import assert_integers, assert_shapes


def class_of_code(code: np.ndarray, label: np.ndarray, codes: int, classes: int) -> np.ndarray:
    """int [codes]: the most frequent label of each code; code, label: int [N]. Of a code that does not occur, 0."""
    assert_shapes(code=(code, "examples"), label=(label, "examples"))
    assert_integers(code=code, label=label)
    counts = np.zeros((codes, classes), int)
    np.add.at(counts, (code, label), 1)
    return counts.argmax(axis=1)


def correlations(codes: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """|Pearson's r| [codes] of each code [N, codes] with a known factor [N]; 0 where either does not vary."""
    assert_shapes(codes=(codes, "examples codes"), factor=(factor, "examples"))
    x, y = (a - a.mean(axis=0) for a in (codes.astype(np.float64), factor.astype(np.float64)))
    size = np.sqrt(np.square(x).sum(axis=0) * np.square(y).sum())
    return np.abs(x.T @ y) / np.where(size > 0, size, 1)
