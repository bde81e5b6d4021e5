"""What `load` returns: three splits and the facts about them."""

from dataclasses import dataclass, field
from typing import Any

from deeplearn.data.split import Split
from deeplearn.errors import UserError


@dataclass(frozen=True)
class Dataset:
    """Three splits of one data set.

    name: the name it was loaded by, completed ("mixture" becomes "mixture/grid").
    classes: label names, classes[label]; empty when there are no labels.
    levels: grey levels of the images (17 for digits, 256 for 8 bits), None where images are not quantised
        or there are none: the k-th level is k / (levels - 1).
    about: exact facts of a set that has them, e.g. a mixture's {"means": [modes, 2], "sigma": float}.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    classes: tuple[str, ...] = ()
    levels: int | None = None
    about: dict[str, Any] = field(default_factory=dict)

    def need_labelled_images(self, use: str) -> None:
        """UserError unless the examples are images with labels; `use` is a clause that says what needs them."""
        if not {"image", "label"} <= set(self.train.spec):
            raise UserError(f"--dataset={self.name} has no labelled images: {use}")
