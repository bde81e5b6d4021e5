"""Text as a picture."""

import numpy as np

from deeplearn.figures.text import text_image


def test_all_of_the_text_is_on_the_picture():
    for text in ("one", "one line that is rather long", "one\ntwo\nthree"):
        dark = np.asarray(text_image(text)).min(-1) < 128
        assert dark.any()
        assert not dark[0].any() and not dark[-1].any() and not dark[:, 0].any() and not dark[:, -1].any()
    lines = np.asarray(text_image("x\nx\nx")).min(-1).min(1) < 128
    assert np.count_nonzero(np.diff(lines.astype(int)) == 1) == 3
