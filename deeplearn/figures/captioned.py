"""Pictures with whole sentences below them, and what of a picture a network looks at."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from deeplearn.figures.style import INK
from deeplearn.figures.text import printable

FONT_SIZE, LINE = 13, 17
GAP = 8  # pixels around a tile
RIGHT, WRONG = "#1a7a34", "#b3261e"
DARK = 0.25  # brightness of what is not looked at


def captioned(
    images: np.ndarray,
    texts: Sequence[str],
    columns: int,
    colours: Sequence[str] | None = None,
    credit: str = "",
    tile: int = 148,
) -> Image.Image:
    """Pictures [N, H, W, C] in [0, 1], in rows of `columns`, each with its text in lines below it.

    colours: of each text, as Pillow names them. credit: a line below all, such as whose pictures they are. tile:
    pixels of a picture's longer side.
    """
    images = np.asarray(images)[..., : 3 if np.shape(images)[-1] >= 3 else 1]
    number, height, width, _ = images.shape
    scale = tile / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    font = _font()
    per_line = max(1, int(tile / font.getlength("n")))
    lines = [textwrap.wrap(printable(text, 120), per_line) for text in texts]
    rows = [lines[start : start + columns] for start in range(0, number, columns)]
    heights = [size[1] + LINE * max(map(len, row)) + 2 * GAP for row in rows]
    below = textwrap.wrap(credit, max(1, int((columns * (tile + GAP)) / font.getlength("n"))))
    sheet = Image.new("RGB", (columns * (tile + GAP) + GAP, sum(heights) + GAP + LINE * len(below)), "white")
    draw = ImageDraw.Draw(sheet)
    for place in range(number):
        row, column = divmod(place, columns)
        left, top = GAP + column * (tile + GAP), GAP + sum(heights[:row])
        sheet.paste(_picture(images[place]).resize(size, Image.Resampling.NEAREST), (left, top))
        draw.rectangle((left - 1, top - 1, left + size[0], top + size[1]), outline="#c8ccd2")
        colour = INK if colours is None else colours[place]
        for number_of_line, line in enumerate(lines[place]):
            draw.text((left, top + size[1] + 4 + LINE * number_of_line), line, colour, font)
    for number_of_line, line in enumerate(below):
        draw.text((GAP, sum(heights) + LINE * number_of_line), line, INK, font)
    return sheet


def judged(
    images: np.ndarray, captions: Sequence[str], names: Sequence[str], right: np.ndarray, credit: str = ""
) -> Image.Image:
    """Pictures with their captions: green where `right` [N], else red, with what would be right in brackets."""
    said = [caption or "(nothing)" for caption in captions]
    texts = [one if ok else f"{one} [{name}]" for one, name, ok in zip(said, names, right, strict=True)]
    return captioned(images, texts, 6, [RIGHT if ok else WRONG for ok in right], credit)


def word_by_word(
    images: np.ndarray, weights: Sequence[np.ndarray] | np.ndarray, words: Sequence[Sequence[str]], credit: str = ""
) -> Image.Image:
    """A row for each picture: itself, and what each of its words looked at.

    images: [N, H, W, C] in [0, 1]. weights: of each picture [words, h, w], of the places of a feature map. words:
    of each picture, as many.
    """
    columns = 1 + max(map(len, words))
    pictures, texts = [], []
    for image, each, said in zip(images, weights, words, strict=True):
        blank = columns - 1 - len(said)
        looks = [looked_at(image, one) for one in each[: len(said)]]
        pictures += [image, *looks, *[np.ones_like(image)] * blank]
        texts += ["", *said, *[""] * blank]
    return captioned(np.stack(pictures), texts, columns, credit=credit)


def looked_at(image: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The picture [H, W, C] in [0, 1], the darker the smaller the weights [h, w] of its places are."""
    height, width, _ = image.shape
    # The root: a place with a quarter of the largest weight is seen, too.
    small = Image.fromarray(np.sqrt(weights / max(weights.max(), 1e-12)).astype(np.float32))
    smooth = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))[..., None]
    return image * (DARK + (1 - DARK) * np.clip(smooth, 0, 1))


def _picture(image: np.ndarray) -> Image.Image:
    pixels = np.round(np.clip(image, 0, 1) * 255).astype(np.uint8)
    return Image.fromarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)).copy())


def _font() -> ImageFont.FreeTypeFont:
    import matplotlib

    return ImageFont.truetype(f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf", FONT_SIZE)
