"""The base of our builders: TFDS builders with a few facts that TFDS does not keep."""

from typing import Any

import tensorflow_datasets as tfds


class OwnBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
    """A TFDS builder of ours.

    levels: grey levels of its images, None when it has no images.
    packed: each record holds many examples, stacked; decoding concatenates them.
    classes: label names, where "label" is not a ClassLabel, which has them itself.
    """

    levels: int | None = None
    packed: bool = False
    classes: tuple[str, ...] = ()

    def about(self) -> dict[str, Any]:
        """Exact facts for Dataset.about."""
        return {}
