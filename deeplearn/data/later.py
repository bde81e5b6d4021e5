"""A split that is computed from another one when it is first read, so that a run can be opened without its data."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from deeplearn.data.split import Batch, Spec, Split


class Later:
    """The split that `make()` returns."""

    def __init__(self, make: Callable[[], Split]) -> None:
        self._make = make

    @functools.cached_property
    def _split(self) -> Split:
        return self._make()

    def __len__(self) -> int:
        return len(self._split)

    @property
    def spec(self) -> Spec:
        return self._split.spec

    @property
    def texts(self) -> tuple[str, ...]:
        return self._split.texts

    def gather(self, indices: np.ndarray, among: np.ndarray | None = None) -> Batch:
        return self._split.gather(indices, among)

    def arrays(self, limit: int | None = None) -> Batch:
        return self._split.arrays(limit)
