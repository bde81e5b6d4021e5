"""Characters at 28×28 in the fonts that matplotlib ships, with every factor of variation known.

The 47 classes are those of EMNIST-balanced (Cohen et al. 2017): digits, capitals, and the lower-case letters
whose shape differs from their capital's. Whole fonts are held out for validation and for test, so that a
test score means characters in unseen type.
"""

from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds

from deeplearn.data.builders import OWN
from deeplearn.data.builders.base import OwnBuilder

CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"
VARIANTS = 24  # images of each character in each font
SEED = 0

# The fonts in mpl-data/fonts/ttf with real outlines for all 47 characters; cmmi10 is left out
# because its old-style 0 is drawn as an o.
FONTS = {
    "train": (
        "DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique",
        "DejaVuSansMono", "DejaVuSansMono-Bold", "DejaVuSansMono-BoldOblique",
        "DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic",
        "STIXGeneral", "STIXGeneralBolIta",
        "cmr10", "cmti10",
    ),
    "validation": ("DejaVuSans-BoldOblique", "STIXGeneralItalic", "cmb10"),
    "test": ("DejaVuSansMono-Oblique", "DejaVuSerif-BoldItalic", "STIXGeneralBol", "cmss10", "cmtt10"),
}  # fmt: skip
ALL_FONTS = tuple(sorted(font for fonts in FONTS.values() for font in fonts))

SIDE = 28
BOX = 20.0  # pixels: the longer side of a glyph at scale 1, as in MNIST
FINE = 3  # the canvas is drawn this many times larger and averaged down
POINTS = 80  # size of the outlines before they are placed, about one pixel of the fine canvas each


def draw_factors(rng: np.random.Generator) -> dict[str, float]:
    """One draw of the factors of variation.

    slant: tangent of the lean to the right. scale: of the BOX. shift_x, shift_y: pixels to the right and
    down. weight: how far strokes are thickened outwards, as a fraction of the font's em.
    """
    return {
        "slant": rng.uniform(-0.3, 0.3),
        "scale": rng.uniform(0.75, 1.1),
        "shift_x": rng.uniform(-1.8, 1.8),
        "shift_y": rng.uniform(-1.8, 1.8),
        "weight": rng.integers(0, 4) / POINTS,
    }


class Pen:
    """Draws characters of one font; keeps the outlines it has rendered."""

    def __init__(self, font: str):
        import matplotlib
        from PIL import ImageFont

        self.number = ALL_FONTS.index(font)
        path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{font}.ttf"
        self._font = ImageFont.truetype(str(path), POINTS)
        self._outlines: dict[tuple[str, int], tuple] = {}

    def draw(self, character: str, slant, scale, shift_x, shift_y, weight, beside=None) -> np.ndarray:
        """The character in white on black: uint8 [28, 28, 1].

        The slanted, thickened glyph's bounding box is scaled and centred, then shifted. Within the ranges
        of `draw_factors` it stays inside the image: 20 · 1.1 / 2 + 1.8 < 13.

        beside: the Pen of another font, in which the character has the same size in points, and stands on the
        same line, as in this one: so large that both stay inside. Each is centred from left to right.
        """
        from PIL import Image

        stroke = round(weight * POINTS)
        outline, line, *_ = self._outline(character, stroke)
        low, high, top, bottom = self._box(character, stroke, slant)
        width = high - low
        if beside is not None:
            other_low, other_high, other_top, other_bottom = beside._box(character, stroke, slant)
            width = max(width, other_high - other_low)
            top, bottom = min(top, other_top), max(bottom, other_bottom)
        zoom = scale * BOX * FINE / max(width, bottom - top)
        top, bottom = top + line, bottom + line
        # PIL needs the point of the outline for each pixel of the canvas: undo shift, zoom, then slant.
        centre_x = (SIDE / 2 + shift_x) * FINE
        centre_y = (SIDE / 2 + shift_y) * FINE
        y0 = (top + bottom) / 2 - centre_y / zoom
        x0 = (low + high) / 2 - centre_x / zoom + slant * y0
        canvas = outline.transform(
            (SIDE * FINE, SIDE * FINE),
            Image.Transform.AFFINE,
            (1 / zoom, slant / zoom, x0, 0, 1 / zoom, y0),
            Image.Resampling.BILINEAR,
        )
        return np.asarray(canvas.reduce(FINE))[..., None]

    def _box(self, character: str, stroke: int, slant: float) -> tuple:
        """Of the slanted glyph: left, right, and top and bottom from the line."""
        _, line, ys, lefts, rights = self._outline(character, stroke)
        # A pixel (x, y) of the outline moves to x - slant · y: y grows downwards.
        return (lefts - slant * ys).min(), (rights - slant * ys).max(), ys[0] - line, ys[-1] + 1 - line

    def _outline(self, character: str, stroke: int) -> tuple:
        """The rendered character, the y of the line it stands on, and its inked rows.

        Of these their y, and the x where each begins and ends.
        """
        from PIL import Image, ImageDraw

        if (character, stroke) not in self._outlines:
            image = Image.new("L", (3 * POINTS, 3 * POINTS))
            ImageDraw.Draw(image).text(
                (POINTS, POINTS / 2), character, fill=255, font=self._font, stroke_width=stroke
            )
            box = image.getbbox()
            assert box is not None
            line = POINTS // 2 + self._font.getmetrics()[0] - box[1]
            image = image.crop(box)
            ink = np.asarray(image) > 0
            ys = np.flatnonzero(ink.any(axis=1))
            lefts = ink[ys].argmax(axis=1)
            rights = ink.shape[1] - ink[ys, ::-1].argmax(axis=1)
            # A black rim, so that bilinear interpolation at the edge fades to black.
            rim = Image.new("L", (image.width + 4, image.height + 4))
            rim.paste(image, (2, 2))
            self._outlines[character, stroke] = rim, line + 2, ys + 2, lefts + 2, rights + 2
        return self._outlines[character, stroke]


def render(pen: Pen, variant: int, characters: str = CHARACTERS) -> dict[str, np.ndarray]:
    """The first of the 47 characters, or all, in one font, each with its own factors: {key: [characters, ...]}.

    A pure function of the font, the variant's number and the installed font files.
    """
    rng = np.random.default_rng((SEED, pen.number, variant))
    factors = [draw_factors(rng) for _ in characters]
    images = [pen.draw(character, **drawn) for character, drawn in zip(characters, factors, strict=True)]
    return {
        "image": np.stack(images),
        "label": np.arange(len(characters), dtype=np.int32),
        "font": np.full(len(characters), pen.number, np.int32),
        **{key: np.array([drawn[key] for drawn in factors], np.float32) for key in factors[0]},
    }


class Builder(OwnBuilder):
    """13 fonts to train on, 3 for validation and 5 for test, 47 · 24 images of each."""

    name = "glyphs"
    VERSION = tfds.core.Version(OWN[name].version)
    levels = 256
    # One alphabet per record: TFDS spends about 0.1 ms on each feature of a record, whatever its size.
    packed = True
    classes = tuple(CHARACTERS)

    def about(self):
        return {"fonts": ALL_FONTS}

    def _info(self) -> tfds.core.DatasetInfo:
        alphabet = len(CHARACTERS)
        factors = ("slant", "scale", "shift_x", "shift_y", "weight")
        return tfds.core.DatasetInfo(
            builder=self,
            description=__doc__,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Tensor(shape=(alphabet, SIDE, SIDE, 1), dtype=np.uint8),
                    "label": tfds.features.Tensor(shape=(alphabet,), dtype=np.int32),
                    "font": tfds.features.Tensor(shape=(alphabet,), dtype=np.int32),
                    **{key: tfds.features.Tensor(shape=(alphabet,), dtype=np.float32) for key in factors},
                }
            ),
        )

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(fonts) for split, fonts in FONTS.items()}

    def _generate_examples(self, fonts):
        for font in fonts:
            pen = Pen(font)
            for variant in range(VARIANTS):
                yield f"{font}/{variant}", render(pen, variant)
