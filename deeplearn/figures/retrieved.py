"""What was found: pictures beside those nearest to them, and a map that is made of pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from deeplearn.figures.grid import image_grid
from deeplearn.nn.checks import assert_shapes

RIGHT, WRONG, PLAIN = (0.0, 0.6, 0.2), (0.85, 0.1, 0.1), (0.8, 0.8, 0.8)  # frames: green, red, as grey as the gaps
MAP_SIDE, MAP_PICTURE = 1000, 34  # pixels


def retrieved(
    queries: np.ndarray, nearest: np.ndarray, right: np.ndarray, row_labels: Sequence[str] | None = None
) -> Image.Image:
    """A row for each query: the picture, then those found, framed in green where they are right and red where not.

    queries [N, H, W, C] and nearest [N, K, H, W, C] in [0, 1], right [N, K] bool.
    """
    assert_shapes(queries=(queries, "N H W C"), nearest=(nearest, "N K H W C"), right=(right, "N K"))
    width = max(1, round(min(queries.shape[1:3]) / 14))
    colours = np.where(right[..., None], RIGHT, WRONG)
    plain = np.broadcast_to(np.array(PLAIN), (len(queries), 1, 3))
    rows = np.concatenate([queries[:, None], nearest], axis=1)
    return image_grid(framed(rows, np.concatenate([plain, colours], axis=1), width), row_labels=row_labels)


def framed(images: np.ndarray, colours: np.ndarray, width: int) -> np.ndarray:
    """Images [..., H, W, C] as RGB with a frame around of `width` pixels in a colour [..., 3] each."""
    shown = images[..., : 3 if images.shape[-1] >= 3 else 1]
    *several, height, across, _ = shown.shape
    canvas = np.broadcast_to(
        colours[..., None, None, :], (*several, height + 2 * width, across + 2 * width, 3)
    ).astype(np.float32)
    canvas[..., width : width + height, width : width + across, :] = shown
    return canvas


def picture_map(points: np.ndarray, images: np.ndarray) -> Image.Image:
    """Pictures [N, H, W, C] in [0, 1] at their points [N, 2], such as t-SNE's; later ones lie on top."""
    assert_shapes(points=(points, "N 2"), images=(images, "N H W C"))
    low, high = points.min(0), points.max(0)
    places = (points - low) / np.where(high > low, high - low, 1) * (MAP_SIDE - MAP_PICTURE)
    canvas = Image.new("RGB", (MAP_SIDE, MAP_SIDE), "white")
    pixels = np.rint(255 * np.clip(framed(images, np.tile(PLAIN, (len(images), 1)), 1), 0, 1)).astype(np.uint8)
    for (x, y), picture in zip(places, pixels, strict=True):
        small = Image.fromarray(picture).resize((MAP_PICTURE, MAP_PICTURE), Image.Resampling.LANCZOS)
        canvas.paste(small, (round(x), round(MAP_SIDE - MAP_PICTURE - y)))
    return canvas
