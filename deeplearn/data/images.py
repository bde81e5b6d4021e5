"""Pictures of any size to squares of one size."""

import re

import numpy as np

from deeplearn.errors import UserError

SIDE_LIMIT = 4096  # pixels


def split_side(name: str) -> tuple[str, int | None]:
    """Takes "PATH@64" apart: to ("PATH", 64); without @ and a number, the name and None."""
    match = re.fullmatch(r"(.+)@([0-9]+)", name, re.DOTALL)
    if not match:
        return name, None
    side = int(match[2][:9])
    if not 1 <= side <= SIDE_LIMIT:
        raise UserError(
            f"{name} means images of {side} pixels a side: give one from 1 to {SIDE_LIMIT}, such as @64."
        )
    return match[1], side


def fit(image: np.ndarray, side: int) -> np.ndarray:
    """Cuts the central square out of an image [H, W, C] and resizes it: uint8 [side, side, C]."""
    from PIL import Image

    height, width, channels = image.shape
    square = min(height, width)
    top, left = (height - square) // 2, (width - square) // 2
    cut = image[top : top + square, left : left + square]
    picture = Image.fromarray(cut[..., 0] if channels == 1 else cut)
    resized = np.asarray(picture.resize((side, side), Image.Resampling.LANCZOS))
    return resized.reshape(side, side, channels)
