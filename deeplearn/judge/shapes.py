"""Reads pictures of `shapes` back into what is on them, and says whether that is what was asked for.

Nothing is learnt: things are connected areas that are not white; an area's colour is that of most of its pixels,
its shape is told by how much of its box it fills and by where its centre of mass lies, its size by its box.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from deeplearn.data.shapes import COLOURS, KINDS, PLACES, RELATIONS, SHAPES, SIZES
from deeplearn.nn.checks import assert_shapes

PALETTE = np.array([*COLOURS.values(), (1.0, 1.0, 1.0)])
LEAST = 0.5  # colour distance from white, of a pixel that belongs to a thing
SPECK = 0.004  # of the picture's area: less is no thing
BETWEEN = float(np.mean(list(SIZES.values())))


class Thing(NamedTuple):
    """shape, colour and size as numbers of their names; x and y of the middle of its box, of the picture's side."""

    shape: int
    colour: int
    size: int
    x: float
    y: float


def read_scene(image: np.ndarray) -> list[Thing]:
    """The things on a picture [side, side, 3] in [0, 1], from top to bottom."""
    from scipy.ndimage import find_objects, label

    assert_shapes(image=(image, "side side channels"))
    side = len(image)
    nearest = np.linalg.norm(image[:, :, None] - PALETTE, axis=-1).argmin(-1)
    areas, _ = label(np.linalg.norm(1 - image, axis=-1) > LEAST, structure=np.ones((3, 3)))
    found = []
    for number, box in enumerate(find_objects(areas), 1):
        own = areas == number
        if own.sum() < SPECK * side**2:
            continue
        colours = np.bincount(nearest[own], minlength=len(PALETTE))[:-1]
        if not colours.any():
            continue
        colour = int(colours.argmax())
        # How much of each pixel is covered, edges included: they lie within one pixel of the area.
        rows, columns = (slice(max(0, one.start - 1), one.stop + 1) for one in box)
        ink = 1 - PALETTE[colour]
        cover = np.clip((1 - image[rows, columns]) @ ink / (ink @ ink), 0, 1)
        height, width = cover.max(1).sum(), cover.max(0).sum()
        top, left = _start(cover.max(1), rows.start), _start(cover.max(0), columns.start)
        middle = top + height / 2, left + width / 2
        mass = (cover.sum(1) @ (np.arange(rows.start, rows.start + len(cover)) + 0.5)) / cover.sum()
        fill, sunk = cover.sum() / (height * width), (mass - middle[0]) / height
        shape = _shape(fill, sunk)
        half = max(height, width) / 2 / side
        found.append(Thing(shape, colour, int(half > BETWEEN), middle[1] / side, middle[0] / side))
    return found


def _start(edge: np.ndarray, first: int) -> float:
    """Where an area begins, of how much is covered in each line from number `first` on."""
    line = int((edge > 0.02).argmax())
    return first + line + 1 - edge[line]


def _shape(fill: float, sunk: float) -> int:
    """A triangle's mass lies a sixth of its height below the middle; others fill 1, π/4 and 5/9 of their box."""
    if sunk > 1 / 12:
        return SHAPES.index("triangle")
    fills = {"square": 1.0, "circle": np.pi / 4, "cross": 5 / 9}
    return SHAPES.index(min(fills, key=lambda name: abs(fills[name] - fill)))


def shapes_quality(images: np.ndarray, wanted: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Of pictures [N, side, side, 3] asked for by rows of `shapes` (`kind`, `things`, `place`, `held_out`).

    Returns:
        binding: the fraction whose things are those asked for, each with its own shape, colour and size.
        place: of one thing, the fraction where a single thing stands where it should. relation: of two, where both
            are there and stand as asked. count: of several, where as many things are there, whatever they are.
        right: binding and that; right_pair, the same of rows with a pair of colour and shape that is held out.
    """
    binding, other = right_scenes(images, wanted)
    kind, right = np.array([KINDS[number] for number in wanted["kind"]]), binding & other
    metrics = {"right": float(right.mean()), "binding": float(binding.mean())}
    for name, which in {"place": "one", "relation": "relation", "count": "count"}.items():
        if (mine := kind == which).any():
            metrics[name] = float(other[mine].mean())
    if (new := wanted["held_out"] == 1).any():
        metrics["right_pair"] = float(right[new].mean())
    return metrics


def right_scenes(images: np.ndarray, wanted: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """bool [N] twice, of pictures as in `shapes_quality`: the things are those asked for; the place, relation or
    number is."""
    assert_shapes(images=(images, "pictures side side channels"))
    each = [
        _judged(read_scene(image), *one)
        for image, *one in zip(images, wanted["kind"], wanted["things"], wanted["place"], strict=True)
    ]
    binding, other = (np.array(column, bool) for column in zip(*each, strict=True))
    return binding, other


def _judged(seen: list[Thing], kind: int, things: np.ndarray, place: int) -> tuple[bool, bool]:
    """(the things are those asked for; the place, relation or number is)."""
    asked = sorted(tuple(thing) for thing in things.tolist() if thing[0] >= 0)
    binding = sorted(thing[:3] for thing in seen) == asked
    if KINDS[kind] == "count":
        return binding, len(seen) == len(asked)
    if KINDS[kind] == "one":
        if len(seen) != 1:
            return binding, False
        away = [np.hypot(seen[0].x - x, seen[0].y - y) for x, y in PLACES.values()]
        return binding, int(np.argmin(away)) == place
    one, other = (next((t for t in seen if list(t[:3]) == thing), None) for thing in things[:2].tolist())
    if one is None or other is None:
        return binding, False
    apart = {
        "left of": other.x - one.x,
        "right of": one.x - other.x,
        "above": other.y - one.y,
        "below": one.y - other.y,
    }
    return binding, max(apart, key=lambda name: apart[name]) == RELATIONS[place]
