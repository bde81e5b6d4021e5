"""Outlines and the pictures that they were taken from: emoji in colour, and filled characters.

emoji: the dark strokes of OpenMoji's pictures, of all that have no tone of skin, one picture of each class (see
`openmoji`). Whole kinds are held out (woman, man and person of a kind are in one split): 70 / 10 / 20 %.
glyphs: the inner edge of `glyphs`, one pixel wide, padded to 32 pixels; fonts are held out as there.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from deeplearn.data.builders import OWN, glyphs, openmoji
from deeplearn.data.builders.base import OwnBuilder
from deeplearn.data.partition import by_key

SIDE = 32
FINE = 96  # pixels a side at which strokes are told from areas: there they are two to three pixels wide
DARK = 0.35  # of white: strokes are black
GREY = (0.299, 0.587, 0.114)
STROKED = 0.02  # fraction of a picture that must be strokes: a few symbols have none
VARIANTS = 8  # images of each character in each font


def strokes(fine: np.ndarray) -> np.ndarray:
    """Dark strokes of pictures uint8 [N, FINE, FINE, 3], black on white: uint8 [N, SIDE, SIDE, 1]."""
    ratio = FINE // SIDE
    dark = (fine @ np.array(GREY) < DARK * 255).reshape(-1, SIDE, ratio, SIDE, ratio).mean((2, 4))
    return np.rint(255 * (1 - dark)).astype(np.uint8)[..., None]


def edges(images: np.ndarray) -> np.ndarray:
    """The inner edge of white characters uint8 [N, H, W, 1]: each less the darkest of its 3×3 pixels."""
    from scipy.ndimage import grey_erosion

    return images - grey_erosion(images, size=(1, 3, 3, 1))


def emoji() -> dict[str, dict[str, np.ndarray]]:
    """{split: columns} of emoji."""
    drawn = openmoji.draw({SIDE, FINE})
    label = openmoji.classes_of(drawn.pictures[openmoji.AT])
    source = strokes(drawn.pictures[FINE])
    clear = (source < 128).mean((1, 2, 3)) > STROKED
    first = {
        number: row
        for row, number in reversed(list(enumerate(label.tolist())))
        if not drawn.emoji[row].tone and clear[row]
    }
    rows = sorted(first.values())
    splits = by_key([drawn.emoji[row].kind for row in rows], seed=0)
    chosen = {
        split: [row for row in rows if splits[drawn.emoji[row].kind] == split]
        for split in ("train", "validation", "test")
    }
    return {split: {"source": source[of], "target": drawn.pictures[SIDE][of]} for split, of in chosen.items()}


def characters() -> dict[str, dict[str, np.ndarray]]:
    """{split: columns} of glyphs, with their `label`."""
    splits = {}
    for split, fonts in glyphs.FONTS.items():
        parts = [glyphs.render(pen, variant) for pen in map(glyphs.Pen, fonts) for variant in range(VARIANTS)]
        room = (SIDE - glyphs.SIDE) // 2
        images = np.concatenate([part["image"] for part in parts])
        images = np.pad(images, ((0, 0), (room, room), (room, room), (0, 0)))
        label = np.concatenate([part["label"] for part in parts])
        splits[split] = {"source": edges(images), "target": images, "label": label}
    return splits


class Builder(OwnBuilder):
    """`source`, an outline, grey, and `target`, the picture; of glyphs also the class `label`."""

    name = "outlines"
    VERSION = tfds.core.Version(OWN[name].version)
    BUILDER_CONFIGS: tuple = tuple(tfds.core.BuilderConfig(name=name) for name in OWN[name].configs)
    levels = 256

    @property
    def classes(self) -> tuple[str, ...]:  # type: ignore[override]
        return tuple(glyphs.CHARACTERS) if self.builder_config.name == "glyphs" else ()

    def about(self) -> dict[str, Any]:
        return {"credit": openmoji.CREDIT} if self.builder_config.name == "emoji" else {}

    def _info(self) -> tfds.core.DatasetInfo:
        coloured = self.builder_config.name == "emoji"
        features: dict[str, Any] = {
            "source": tfds.features.Tensor(shape=(SIDE, SIDE, 1), dtype=np.uint8),
            "target": tfds.features.Tensor(shape=(SIDE, SIDE, 3 if coloured else 1), dtype=np.uint8),
        }
        if not coloured:
            features["label"] = tfds.features.Scalar(np.int32)
        return tfds.core.DatasetInfo(
            builder=self,
            description=__doc__,
            features=tfds.features.FeaturesDict(features),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        made = emoji() if self.builder_config.name == "emoji" else characters()
        return {split: self._generate_examples(columns) for split, columns in made.items()}

    def _generate_examples(self, columns: Mapping[str, np.ndarray]) -> Iterator[tuple[int, dict[str, Any]]]:
        for row in range(len(columns["source"])):
            yield row, {key: column[row] for key, column in columns.items()}
