"""Several pictures in one."""

from collections.abc import Sequence

from PIL import Image


def panels(pictures: Sequence[Image.Image], columns: int) -> Image.Image:
    """Pictures in rows, in reading order, each in a white cell of the size of the largest."""
    width, height = (max(picture.size[axis] for picture in pictures) for axis in (0, 1))
    sheet = Image.new("RGB", (columns * width, -(-len(pictures) // columns) * height), "white")
    for number, picture in enumerate(pictures):
        sheet.paste(picture, (number % columns * width, number // columns * height))
    return sheet
