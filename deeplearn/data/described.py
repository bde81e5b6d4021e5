"""A split without its rows."""

from __future__ import annotations

from typing import Any, NoReturn

from deeplearn.data.split import Spec
from deeplearn.errors import UserError


class DataNeeded(UserError):
    """Rows were read of data of which only the description is left."""


class Described:
    """A split of which only length, spec and names of texts are known. Reading rows is an error."""

    def __init__(self, name: str, length: int, spec: Spec, texts: tuple[str, ...]) -> None:
        self.name, self.spec, self.texts, self._length = name, spec, texts, length

    def __len__(self) -> int:
        return self._length

    def _needed(self, *_: Any, **__: Any) -> NoReturn:
        raise DataNeeded(f"the data of this run are needed for that: --dataset={self.name}")

    gather = arrays = column = replaced = _needed
