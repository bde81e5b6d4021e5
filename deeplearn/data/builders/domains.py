"""The same classes as they look in different places: sources and targets of domain adaptation, 16×16 pixels.

photographs: the handwritten `digits` over patches of photographs, |patch − digit| (Ganin & Lempitsky 2015, section
4, MNIST-M). Their splits are those of `digits`; each digit of train is there over three patches.
type: digits in all fonts of `glyphs`. dejavu, other_fonts: its 47 characters in the fonts of one family, and in all
others. day: digits in type, in a colour of their own on a patch of a photograph. night: the same kind of pictures
darkened and tinted blue, with a warm lamp somewhere and the noise of a sensor.

Photographs are scikit-learn's two (see `colours`); train, validation and test have parts of their own. Characters
of the splits differ in their factors (see `glyphs`), not in their fonts.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from deeplearn.data.builders import OWN, glyphs
from deeplearn.data.builders.base import OwnBuilder
from deeplearn.data.builders.colours import ENDS

SEED = 0
SIDE = 16
DIGITS = "0123456789"
SPLITS = ("train", "validation", "test")
PATCHES = {"train": 3, "validation": 1, "test": 1}  # of each handwritten digit
DRAWS = {"train": 8, "validation": 2, "test": 3}  # of each character in each font
SIGNS = {"train": 3000, "validation": 500, "test": 1000}
TINT, LAMP = np.array([0.20, 0.25, 0.42]), np.array([1.0, 0.75, 0.35])  # red, green, blue
CONTRAST = 0.35  # least distance in brightness of a sign from its background
SENSOR = 0.03  # standard deviation of noise

Columns = dict[str, np.ndarray]


def patches(split: str, count: int, rng: np.random.Generator) -> np.ndarray:
    """Places drawn from the split's part of the photographs: [count, SIDE, SIDE, 3] in [0, 1]."""
    from sklearn.datasets import load_sample_images

    found = []
    for photograph in load_sample_images().images:
        first, end = (round(part * photograph.shape[1]) for part in ENDS[split])
        part = photograph[:, first:end]
        found.append(np.lib.stride_tricks.sliding_window_view(part, (SIDE, SIDE), axis=(0, 1)))
    chosen = [
        windows[rng.integers(windows.shape[0]), rng.integers(windows.shape[1])]
        for windows in (found[which] for which in rng.integers(len(found), size=count))
    ]
    return np.moveaxis(np.stack(chosen), 1, -1) / 255


def over_photographs(split: str) -> Columns:
    from sklearn.datasets import load_digits

    from deeplearn.data.builders.digits import SEED as SPLIT_SEED
    from deeplearn.data.partition import stratified

    digits = load_digits()
    validation, test, train = stratified(digits.target, [200, 500], SPLIT_SEED)
    rows = np.tile({"train": train, "validation": validation, "test": test}[split], PATCHES[split])
    rng = np.random.default_rng((SEED, SPLITS.index(split)))
    digit = larger(digits.images[rows] / 16)[..., None]
    return {"image": np.abs(patches(split, len(rows), rng) - digit), "label": digits.target[rows]}


def larger(images: np.ndarray) -> np.ndarray:
    """[N, 8, 8] -> [N, SIDE, SIDE], bilinear."""
    from PIL import Image

    sized = [
        Image.fromarray(one.astype(np.float32)).resize((SIDE, SIDE), Image.Resampling.BILINEAR) for one in images
    ]
    return np.stack([np.asarray(one) for one in sized])


def characters(split: str, fonts: tuple[str, ...], classes: str, draws: int) -> Columns:
    """Each character `draws` times in each font: white on black."""
    from PIL import Image

    images, labels = [], []
    for font in fonts:
        pen = glyphs.Pen(font)
        for draw in range(draws):
            rng = np.random.default_rng((SEED, SPLITS.index(split), pen.number, draw))
            for label, character in enumerate(classes):
                drawn = pen.draw(character, **glyphs.draw_factors(rng))[..., 0]
                small = Image.fromarray(drawn).resize((SIDE, SIDE), Image.Resampling.BOX)
                images.append(np.asarray(small, np.float32)[..., None] / 255)
                labels.append(label)
    return {"image": np.stack(images), "label": np.array(labels)}


def signs(split: str, dark: bool) -> Columns:
    """Digits in type in random colours, over photographs."""
    count, number = SIGNS[split], SPLITS.index(split)
    rng = np.random.default_rng((SEED, number, dark))
    ink = characters(split, glyphs.ALL_FONTS, DIGITS, -(-count // (len(DIGITS) * len(glyphs.ALL_FONTS))))
    rows = rng.permutation(len(ink["label"]))[:count]
    background = patches(split, count, rng)
    # Darker than a bright patch, brighter than a dark one.
    brightness = background.mean((1, 2, 3), keepdims=True)
    away = rng.uniform(CONTRAST, 0.5, brightness.shape) * np.where(brightness > 0.5, -1, 1)
    colour = np.clip(brightness + away + rng.uniform(-0.15, 0.15, (count, 1, 1, 3)), 0, 1)
    alpha = ink["image"][rows]
    image = alpha * colour + (1 - alpha) * background
    if dark:
        image = night(image, rng)
    return {"image": image, "label": ink["label"][rows]}


def night(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Pictures [N, SIDE, SIDE, 3] by day, at night."""
    y, x = np.mgrid[:SIDE, :SIDE]
    at = rng.uniform(0, SIDE, (2, len(image), 1, 1))
    glow = np.exp(-((y - at[0]) ** 2 + (x - at[1]) ** 2) / (2 * (SIDE / 4) ** 2))[..., None]
    lit = image * (TINT + 0.5 * glow * LAMP) + 0.1 * glow * LAMP
    return np.clip(lit + rng.normal(scale=SENSOR, size=image.shape), 0, 1)


FAMILY = tuple(font for font in glyphs.ALL_FONTS if font.startswith("DejaVu"))
OTHERS = tuple(font for font in glyphs.ALL_FONTS if font not in FAMILY)
DRAWN: Mapping[str, Callable[[str], Columns]] = {
    "photographs": over_photographs,
    "type": lambda split: characters(split, glyphs.ALL_FONTS, DIGITS, 2 * DRAWS[split]),
    "dejavu": lambda split: characters(split, FAMILY, glyphs.CHARACTERS, DRAWS[split]),
    "other_fonts": lambda split: characters(split, OTHERS, glyphs.CHARACTERS, DRAWS[split]),
    "day": lambda split: signs(split, dark=False),
    "night": lambda split: signs(split, dark=True),
}


class Builder(OwnBuilder):
    """`image` and `label`."""

    name = "domains"
    VERSION = tfds.core.Version(OWN[name].version)
    BUILDER_CONFIGS: tuple = tuple(tfds.core.BuilderConfig(name=name) for name in OWN[name].configs)
    levels = 256

    def _info(self) -> tfds.core.DatasetInfo:
        name = self.builder_config.name
        channels = 3 if name in ("photographs", "day", "night") else 1
        names = glyphs.CHARACTERS if name in ("dejavu", "other_fonts") else DIGITS
        return tfds.core.DatasetInfo(
            builder=self,
            description=__doc__,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Tensor(shape=(SIDE, SIDE, channels), dtype=np.uint8),
                    "label": tfds.features.ClassLabel(names=list(names)),
                }
            ),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        return {split: self._generate_examples(DRAWN[self.builder_config.name](split)) for split in SPLITS}

    def _generate_examples(self, columns: Columns) -> Iterator[tuple[int, dict[str, Any]]]:
        image = np.rint(255 * columns["image"]).astype(np.uint8)
        for row, label in enumerate(columns["label"].tolist()):
            yield row, {"image": image[row], "label": label}
