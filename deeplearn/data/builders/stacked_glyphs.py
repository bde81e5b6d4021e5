"""Three digits at once, one in each colour channel: 1000 modes that a judge of single digits can count.

The protocol of stacked MNIST (Metz et al. 2017, section 3.3.1; Srivastava et al. 2017) on the digits of `glyphs` at
half their size: what is published for stacked MNIST is of another data set. The three digits of an image are drawn
independently, so that all modes are equally likely.
"""

import numpy as np
import tensorflow_datasets as tfds

from deeplearn.data.builders import OWN
from deeplearn.data.builders.base import OwnBuilder
from deeplearn.data.builders.glyphs import CHARACTERS, FONTS, VARIANTS, Pen, render

DIGITS = 10  # the first of the glyphs' characters
CHANNELS = 3
SIDE = 14
SIZES = {"train": 20_000, "validation": 2_000, "test": 10_000}
RECORD = 100  # images of a record: TFDS spends about 0.1 ms on each


def single(fonts: tuple[str, ...]) -> np.ndarray:
    """Every variant of each digit in the fonts, at half the size: uint8 [10, fonts · variants, 14, 14]."""
    pens = [Pen(font) for font in fonts]
    drawn = [render(pen, variant, CHARACTERS[:DIGITS])["image"] for pen in pens for variant in range(VARIANTS)]
    cells = np.stack(drawn, 1).reshape(DIGITS, -1, SIDE, 2, SIDE, 2)
    return cells.mean(axis=(3, 5)).round().astype(np.uint8)


def stacked(digits: np.ndarray, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 [count, 14, 14, 3] of three digits, and 100 a + 10 b + c for the digits a, b, c.

    digits: [10, variants, 14, 14].
    """
    which = rng.integers(DIGITS, size=(count, CHANNELS))
    variant = rng.integers(digits.shape[1], size=(count, CHANNELS))
    labels = which @ DIGITS ** np.arange(CHANNELS)[::-1]
    return np.moveaxis(digits[which, variant], 1, -1), labels.astype(np.int32)


class Builder(OwnBuilder):
    """20,000 images to train on, 2,000 and 10,000 in other fonts for validation and test."""

    name = "stacked_glyphs"
    VERSION = tfds.core.Version(OWN[name].version)
    levels = 256
    packed = True
    classes = tuple(f"{label:03d}" for label in range(DIGITS**CHANNELS))

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=__doc__,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Tensor(shape=(RECORD, SIDE, SIDE, CHANNELS), dtype=np.uint8),
                    "label": tfds.features.Tensor(shape=(RECORD,), dtype=np.int32),
                }
            ),
        )

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(split, number) for number, split in enumerate(SIZES)}

    def _generate_examples(self, split, number):
        digits, rng = single(FONTS[split]), np.random.default_rng((0, number))
        for start in range(0, SIZES[split], RECORD):
            images, labels = stacked(digits, RECORD, rng)
            yield start, {"image": images, "label": labels}
