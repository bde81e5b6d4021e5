"""Tagged text: where its letters and its marks are."""

import numpy as np
import pytest
from PIL import ImageColor

from deeplearn.figures.style import PALETTE
from deeplearn.figures.tagged import LEADING, MARGIN, MOST, WIDEST, WRONG, tagged_text


def count(picture, colour, box=None):
    pixels = np.asarray(picture.crop(box) if box else picture)
    return int((pixels == ImageColor.getrgb(colour)).all(-1).sum())


def test_wrong_tokens_have_a_ground_and_letters_the_colour_of_their_tag():
    tokens, tags = list("ab\nc"), np.array([0, 1, 0, 2])
    right = tagged_text(tokens, tags, tags, ["x", "y", "z"])
    wrong = tagged_text(tokens, tags, np.array([0, 1, 0, 0]), ["x", "y", "z"])
    assert right.size == wrong.size
    first = (0, MARGIN, right.width, MARGIN + LEADING)
    second = (0, MARGIN + LEADING, right.width, MARGIN + 2 * LEADING)
    assert count(right, PALETTE[0], first) and count(right, PALETTE[1], first) and count(right, PALETTE[2], second)
    assert not count(right, PALETTE[2], first) and not count(right, WRONG, second)
    assert count(wrong, WRONG, second) > 50 and not count(wrong, WRONG, first)


def test_long_lines_are_broken_and_what_has_no_room_is_left_out():
    tags = np.zeros(10 * WIDEST * MOST, int)
    full = tagged_text(["m"] * len(tags), tags, tags, ["x"])
    assert full.height < LEADING * (MOST + 6) + 2 * MARGIN
    line = tagged_text(["m"] * (WIDEST + 1), tags[: WIDEST + 1], tags[: WIDEST + 1], ["x"])
    one = tagged_text(["m"] * WIDEST, tags[:WIDEST], tags[:WIDEST], ["x"])
    assert line.height == one.height + LEADING
    assert tagged_text(["猫" * 200, "\n"], tags[:2], tags[:2], ["$x"]).height > 0
    with pytest.raises(ValueError, match="1 tokens have 2"):
        tagged_text(["m"], tags[:2], tags[:1], ["x"])
