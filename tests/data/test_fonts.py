"""Characters in two fonts, set alike."""

import numpy as np

from deeplearn.data.builders.glyphs import Pen
from deeplearn.data.builders.unpaired import FONTS


def test_fonts_of_one_size_stand_on_one_line():
    """Capitals of the two DejaVu fonts are equally tall; each drawn to fill its box alone, a wide one is not."""
    pens = [Pen(font) for font in FONTS]
    factors = {"slant": 0.0, "scale": 1.0, "shift_x": 0.0, "shift_y": 0.0, "weight": 0.0}

    def rows(character, alone):
        drawn = [pens[side].draw(character, **factors, beside=None if alone else pens[1 - side]) for side in (0, 1)]
        inked = [np.flatnonzero((image > 127).any(axis=(1, 2))) for image in drawn]
        return np.array([(found[0], found[-1]) for found in inked])

    for character in "EHM":
        assert np.abs(np.diff(rows(character, alone=False), axis=0)).max() <= 1
    assert np.abs(np.diff(rows("M", alone=True), axis=0)).max() > 1
