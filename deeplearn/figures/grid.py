"""Sheets of images, tiled by numpy: about a hundred times faster than a matplotlib axis for each image."""

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from deeplearn.figures.text import printable

SHEET_SIZE = 840  # largest number of pixels of the longer side to which small images are magnified
GAP_GREY = 205  # separates tiles whether their edges are black or white
FONT_SIZE = 17
CAPTION_HEIGHT = 24  # of the strip below an image
LABEL_CHARACTERS = 22  # characters in a line of a row's label


def image_grid(
    images: np.ndarray,
    columns: int | None = None,
    scale: int | None = None,
    pad: int = 4,
    row_labels: Sequence[str] | None = None,
    captions: Sequence[str] | None = None,
) -> Image.Image:
    """Lay images out in rows, in reading order.

    Args:
        images: [N, H, W, C] floats in [0, 1]; or [rows, columns, H, W, C], where a row belongs together (a class, a
            caption, a digit and its reconstructions). Values outside are clipped. Of four channels and more the
            first three are red, green and blue; of two the first is shown.
        columns: tiles in a row; a near-square sheet by default. The shape [rows, columns, …] gives it already.
        scale: each pixel becomes scale × scale pixels, so that small images keep their hard edges. By
            default the largest that keeps the sheet within about 840 pixels.
        pad: pixels around each tile.
        row_labels: a text for each row, drawn to its left; long ones are wrapped.
        captions: a text for each image, drawn below it; long ones are cut.

    Returns:
        An RGB image. Without labels, the top left corner of the first tile is at (pad, pad).
    """
    images = np.asarray(images)
    if images.ndim == 5:
        columns = images.shape[1]
        images = images.reshape(-1, *images.shape[2:])
    if images.ndim != 4 or not images.size:
        raise ValueError(f"image_grid needs images as [N, H, W, C], but has {images.shape}")
    images = images[..., : 3 if images.shape[-1] >= 3 else 1]
    number, height, width, _ = images.shape
    columns = columns or int(np.ceil(np.sqrt(number)))
    rows = -(-number // columns)
    if row_labels is not None and len(row_labels) != rows:
        raise ValueError(f"image_grid has {rows} rows, but {len(row_labels)} row labels")
    if captions is not None and len(captions) != number:
        raise ValueError(f"image_grid has {number} images, but {len(captions)} captions")
    scale = scale or max(1, min(SHEET_SIZE // (columns * width), SHEET_SIZE // (rows * height)))

    pixels = np.round(np.clip(images, 0, 1) * 255).astype(np.uint8)
    pixels = np.broadcast_to(pixels, (number, height, width, 3))  # grey to RGB
    tiles = pixels.repeat(scale, axis=1).repeat(scale, axis=2)
    below = pad if captions is None else pad + CAPTION_HEIGHT
    tiles = np.pad(tiles, ((0, 0), (0, below), (0, pad), (0, 0)), constant_values=GAP_GREY)
    blanks = np.full((rows * columns - number, *tiles.shape[1:]), GAP_GREY, np.uint8)
    tiles = np.concatenate([tiles, blanks]).reshape(rows, columns, *tiles.shape[1:])
    # [rows, columns, height, width, 3] to [rows · height, columns · width, 3]
    sheet = tiles.swapaxes(1, 2).reshape(rows * tiles.shape[2], columns * tiles.shape[3], 3)
    sheet = np.pad(sheet, ((pad, 0), (pad, 0), (0, 0)), constant_values=GAP_GREY)
    picture = Image.fromarray(sheet)
    for place, text in enumerate(captions or ()):
        row, column = divmod(place, columns)
        left, bottom = pad + column * tiles.shape[3], pad + (row + 1) * tiles.shape[2] - pad
        _write_below(picture, text, left, bottom, width * scale)
    return picture if row_labels is None else _with_row_labels(picture, row_labels)


def image_rows(rows: Mapping[str, np.ndarray], shape: Sequence[int], columns: int | None = None) -> Image.Image:
    """Groups of images: for each name its images, in lines of `columns`, with the name beside the first line.

    Args:
        rows: {name: images [n, ...]}, flat or not, n a multiple of `columns`.
        shape: (height, width, channels) of an image.
        columns: images in a line; by default as many as the first name has.
    """
    columns = columns or len(next(iter(rows.values())))
    images = [np.reshape(of, (-1, *shape)) for of in rows.values()]
    labels = [
        label for name, of in zip(rows, images, strict=True) for label in (name, *[""] * (len(of) // columns - 1))
    ]
    return image_grid(np.concatenate(images), columns=columns, row_labels=labels)


def spread(rows: int, number: int) -> np.ndarray:
    """The indices of at most `number` rows, evenly spaced: the first rows of a split are often of one kind."""
    return np.linspace(0, rows - 1, min(number, rows)).round().astype(int)


def credited(sheet: Image.Image, credit: str) -> Image.Image:
    """The sheet with a line below it that says whose pictures it shows; as it is where there is nothing to say."""
    if not credit:
        return sheet
    font = _font()
    lines = textwrap.wrap(printable(credit, len(credit)), max(20, int(sheet.width / font.getlength("n"))))
    whole = Image.new("RGB", (sheet.width, sheet.height + CAPTION_HEIGHT * len(lines)), "white")
    whole.paste(sheet)
    for number, line in enumerate(lines):
        place = sheet.width / 2, sheet.height + (number + 0.5) * CAPTION_HEIGHT
        ImageDraw.Draw(whole).text(place, line, "black", font, anchor="mm")
    return whole


def _font() -> ImageFont.FreeTypeFont:
    """The typeface of the plots: it comes with matplotlib and has Greek letters, which Pillow's own lacks."""
    import matplotlib

    return ImageFont.truetype(f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf", FONT_SIZE)


def _write_below(sheet: Image.Image, text: str, left: int, bottom: int, width: int) -> None:
    """Writes into the strip below a tile, no wider than the tile."""
    draw, font, shown = ImageDraw.Draw(sheet), _font(), printable(text)
    while len(shown) > 1 and draw.textlength(shown, font) > width:
        shown = shown[:-2] + "…"
    draw.text((left + width / 2, bottom - CAPTION_HEIGHT / 2), shown, "black", font, anchor="mm")


def _with_row_labels(sheet: Image.Image, labels: Sequence[str]) -> Image.Image:
    """The sheet with a white margin at its left that holds a label beside each row."""
    font = _font()
    texts = ["\n".join(textwrap.wrap(printable(label), LABEL_CHARACTERS)) for label in labels]
    measure = ImageDraw.Draw(sheet)
    margin = int(max(measure.multiline_textbbox((0, 0), text, font)[2] for text in texts)) + FONT_SIZE
    labelled = Image.new("RGB", (sheet.width + margin, sheet.height), "white")
    labelled.paste(sheet, (margin, 0))
    draw = ImageDraw.Draw(labelled)
    for row, text in enumerate(texts):
        middle = (row + 0.5) * sheet.height / len(texts)
        draw.multiline_text((margin - FONT_SIZE / 2, middle), text, "black", font, anchor="rm", align="right")
    return labelled
