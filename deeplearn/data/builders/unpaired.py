"""Two sets of pictures without pairs, of which only the rows of test belong together.

fonts: characters in DejaVu Sans, and in DejaVu Serif Bold, of one size in points and on one line, as type is set; a
pair of test is one character in both, with the same factors. Train and validation have other draws of the factors
(see `glyphs`) on each side.
skin_tones: emoji of persons with light skin, and with dark skin (OpenMoji's, see `openmoji`); a pair of test is one
kind and person in both tones. The names of test, a fifth, are nowhere else, and no name of train or of validation
is on both sides.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from deeplearn.data.builders import OWN, glyphs, openmoji
from deeplearn.data.builders.base import OwnBuilder

SEED = 0
FONTS = ("DejaVuSans", "DejaVuSerif-Bold")
VARIANTS = {"train": 24, "validation": 4, "test": 4}  # draws of each character
SKINS = ("light_skin", "dark_skin")
SIDE = 32  # pixels of emoji
HELD_OUT = {"test": 0.2, "validation": 0.1}  # fractions of the names
SIDES = ("source", "target")


def characters() -> dict[str, dict[str, np.ndarray]]:
    """{split: columns} of fonts."""
    pens = [glyphs.Pen(font) for font in FONTS]

    def drawn(side: int, split: int, draws: int, count: int) -> np.ndarray:
        """All characters in the font of a side, with the factors that belong to (split, draws)."""
        rng = np.random.default_rng((SEED, split, draws))
        return np.stack(
            [
                pens[side].draw(character, **{**glyphs.draw_factors(rng), "weight": 0.0}, beside=pens[1 - side])
                for _ in range(count)
                for character in glyphs.CHARACTERS
            ]
        )

    return {
        # In test both sides have the same factors.
        split: {name: drawn(side, number, 0 if split == "test" else side, count) for side, name in enumerate(SIDES)}
        for number, (split, count) in enumerate(VARIANTS.items())
    }


def persons() -> dict[str, dict[str, np.ndarray]]:
    """{split: columns} of skin_tones."""
    drawn = openmoji.draw({SIDE})
    rows = {(one.kind, one.person, one.tone): row for row, one in enumerate(drawn.emoji)}
    names = sorted({key[:2] for key in rows if all((*key[:2], skin) in rows for skin in SKINS)})
    order = [names[place] for place in np.random.default_rng(SEED).permutation(len(names))]
    splits = {}
    for split, fraction in HELD_OUT.items():
        count = round(fraction * len(names))
        splits[split], order = order[:count], order[count:]
    splits["train"] = order
    columns = {}
    for split, chosen in splits.items():
        half = len(chosen) // 2
        both = (chosen, chosen) if split == "test" else (chosen[:half], chosen[half : 2 * half])
        columns[split] = {
            side: drawn.pictures[SIDE][[rows[*name, skin] for name in of]]
            for side, of, skin in zip(SIDES, both, SKINS, strict=True)
        }
    return columns


class Builder(OwnBuilder):
    """`source` and `target`; about["paired"] names the split whose rows are pairs."""

    name = "unpaired"
    VERSION = tfds.core.Version(OWN[name].version)
    BUILDER_CONFIGS: tuple = tuple(tfds.core.BuilderConfig(name=name) for name in OWN[name].configs)
    levels = 256

    def about(self) -> dict[str, Any]:
        credit = {"credit": openmoji.CREDIT} if self.builder_config.name == "skin_tones" else {}
        return {"paired": ("test",), **credit}

    def _info(self) -> tfds.core.DatasetInfo:
        shape = (SIDE, SIDE, 3) if self.builder_config.name == "skin_tones" else (glyphs.SIDE, glyphs.SIDE, 1)
        picture = tfds.features.Tensor(shape=shape, dtype=np.uint8)
        return tfds.core.DatasetInfo(
            builder=self,
            description=__doc__,
            features=tfds.features.FeaturesDict(dict.fromkeys(SIDES, picture)),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        made = persons() if self.builder_config.name == "skin_tones" else characters()
        return {split: self._generate_examples(columns) for split, columns in made.items()}

    def _generate_examples(self, columns: Mapping[str, np.ndarray]) -> Iterator[tuple[int, dict[str, Any]]]:
        for row in range(len(columns["source"])):
            yield row, {key: column[row] for key, column in columns.items()}
