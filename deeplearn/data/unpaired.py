"""Sources whose examples do not belong together row by row, as in translation between two sets of pictures."""

from __future__ import annotations

from deeplearn.data.split import Batch, Spec, Split


class Unpaired:
    """Two or more splits that one stage draws from, each in its own order.

    Unpaired(source=photographs, target=paintings); `data.stream` makes its batches, {source: {key: [B, ...]}}. The
    splits may differ in size and in columns. Their order matters: it determines which permutations each gets.
    """

    def __init__(self, **sources: Split):
        if not sources:
            raise ValueError("name at least one source")
        self.sources = sources

    def __len__(self) -> int:
        """The size of the largest source."""
        return max(map(len, self.sources.values()))

    @property
    def spec(self) -> dict[str, Spec]:
        """{source: shape and dtype of one example by key}, texts left out."""
        return {name: split.spec for name, split in self.sources.items()}

    @property
    def texts(self) -> dict[str, tuple[str, ...]]:
        """{source: the names of its columns that hold texts}."""
        return {name: split.texts for name, split in self.sources.items()}

    def arrays(self, limit: int | None = None) -> dict[str, Batch]:
        """{source: its arrays, or its first `limit` examples}; the sources keep their own sizes."""
        return {name: split.arrays(limit) for name, split in self.sources.items()}
