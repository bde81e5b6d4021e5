"""Text as a picture."""

import numpy as np

from deeplearn.figures.text import LONGEST, plotted, printable, text_image


def test_all_of_the_text_is_on_the_picture():
    for text in ("one", "one line that is rather long", "one\ntwo\nthree"):
        dark = np.asarray(text_image(text)).min(-1) < 128
        assert dark.any()
        assert not dark[0].any() and not dark[-1].any() and not dark[:, 0].any() and not dark[:, -1].any()
    lines = np.asarray(text_image("x\nx\nx")).min(-1).min(1) < 128
    assert np.count_nonzero(np.diff(lines.astype(int)) == 1) == 3


def test_names_are_one_line_of_letters_that_the_typeface_has():
    assert printable("two\nlines\tand a tab") == "two lines and a tab"
    assert printable("$x_1 Größe σ → é") == "$x_1 Größe σ → é"
    assert printable("猫") == "\\u732b" and printable("🐈") == "\\U0001f408" and printable("\x00") == "\\x00"
    assert plotted("$a$") == r"\$a\$" and plotted("") == ""


def test_long_names_are_cut_in_their_middle():
    name = "a" * 200 + "z" * 200
    assert printable("x" * LONGEST) == "x" * LONGEST
    short = printable(name)
    assert len(short) == LONGEST and short.startswith("aa") and short.endswith("zz") and "…" in short
