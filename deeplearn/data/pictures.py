"""One way to read a picture file, for training and for whoever looks at pictures with a trained network.

A picture is turned as its camera noted, and has 8 bits a channel: grey where the file is grey, else red, green and
blue. Transparency is dropped, and of an animation the first frame is read.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from deeplearn.errors import UserError, reason

SUFFIXES = {
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".webp", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".avif"),
}
# Not EPS: to read it Pillow starts another program, whatever the file is called.
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM", "JPEG2000", "AVIF", "ICO", "PSD", "QOI")
GREY_MODES = {"1", "L", "LA", "La"}
DEEP_MODES = {"I", "F", "I;16", "I;16B", "I;16L", "I;16N"}  # all of them grey
# Cameras record how they were held. (In a PNG that may come last, so reading it decodes the image.)
CAMERA_FORMATS = {"JPEG", "MPO", "TIFF", "WEBP", "AVIF"}
ORIENTATION, SIDEWAYS = 0x0112, (5, 6, 7, 8)  # the EXIF tag, and its values for pictures turned by 90°
TIFF_SIZE = (256, 257)  # tags of the width and height as stored: newer versions of Pillow turn a TIFF themselves


class Header(NamedTuple):
    """What a file says: (width, height) as the picture is meant to be seen, and what reading it changes."""

    size: tuple[int, int]
    grey: bool
    deep: bool  # more than 8 bits a channel
    transparent: bool
    animated: bool


def read_header(file: Path) -> Header:
    """The facts of a picture that need not be decoded for them; UserError where it cannot be read."""
    with _opened(file) as image:
        sideways = image.format in CAMERA_FORMATS and image.getexif().get(ORIENTATION, 1) in SIDEWAYS
        if image.format == "TIFF":
            sideways = sideways and image.size == tuple(image.tag_v2[tag] for tag in TIFF_SIZE)  # type: ignore[attr-defined]
        return Header(
            image.size[::-1] if sideways else image.size,
            grey=image.mode in GREY_MODES | DEEP_MODES,
            deep=image.mode in DEEP_MODES,
            transparent=image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info,
            animated=image.format in ("GIF", "PNG", "WEBP", "TIFF") and getattr(image, "is_animated", False),
        )


def read_picture(file: Path) -> Image.Image:
    """The picture in a file, upright: mode "L" where it is grey, else "RGB".

    More than 8 bits are scaled to 8: 65535 is white in whole numbers, 1 in floats. UserError, naming the file,
    where values lie outside, because nobody knows what is white there, and where the file cannot be read.
    """
    with _opened(file) as image:
        picture = ImageOps.exif_transpose(image) if image.format in CAMERA_FORMATS else image
        if picture.mode in DEEP_MODES:
            return Image.fromarray(_eight_bits(np.asarray(picture), file))
        return picture.convert("L" if picture.mode in GREY_MODES else "RGB")


def _eight_bits(values: np.ndarray, file: Path) -> np.ndarray:
    white = 1.0 if values.dtype.kind == "f" else 65535.0
    if not (values.min() >= 0 and values.max() <= white):  # written so that NaN fails too
        raise UserError(
            f"{file} has values from {values.min():g} to {values.max():g}, and white is {white:g} in a picture of "
            "more than 8 bits: convert it to 8 bits."
        )
    return np.rint(values * (255 / white)).astype(np.uint8)


@contextmanager
def _opened(file: Path) -> Iterator[Image.Image]:
    """The file as Pillow sees it. Whatever goes wrong inside is a UserError."""
    try:
        # A pipe named like a picture would be waited for, for ever.
        if not stat.S_ISREG(os.stat(file).st_mode):
            raise UserError(f"{file} is not a file, so it cannot be read as an image: remove it.")
        Image.init()  # older versions of Pillow lack some formats
        # Not by its name: Pillow would map some files into memory, and scrambles a TIFF that is turned.
        formats = [name for name in FORMATS if name in Image.OPEN]
        with file.open("rb") as stream, Image.open(stream, formats=formats) as image:
            yield image
    except UserError:
        raise
    except FileNotFoundError:
        raise UserError(f"there is no image {file}") from None
    except Exception as error:  # damaged files make Pillow's decoders raise anything
        why = "it is none" if isinstance(error, UnidentifiedImageError) else reason(error)
        raise UserError(f"{file} cannot be read as an image ({why}): replace it, or remove it.") from error
