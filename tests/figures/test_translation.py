"""Attention maps and texts: one cell for each pair of tokens, and no empty boxes in place of signs."""

import numpy as np

from deeplearn.figures import translation
from deeplearn.figures.translation import attention_map, text_table, typeface


def test_a_map_grows_with_its_tokens_and_is_dark_where_the_weight_is():
    weights = np.zeros((3, 20))
    weights[:, 4] = 1
    dark = [
        (np.asarray(attention_map(one, list("abcdefghijklmnopqrst"), ["a", "$", " "])).sum(-1) < 300).sum()
        for one in (weights, np.zeros((3, 20)))
    ]
    assert dark[0] > dark[1] + 500
    wide, narrow = (attention_map(np.zeros((3, n)), ["x"] * n, ["年"] * 3).width for n in (60, 40))
    assert wide > narrow


def test_signs_that_no_typeface_has_are_code_points(monkeypatch):
    monkeypatch.setattr(translation, "_candidates", tuple)
    assert typeface("年") is None
    shown = []
    monkeypatch.setattr(translation, "text_image", shown.append)
    text_table({"source": ["May 5", "x"], "ours": ["5月5日", "y"]})
    assert shown == ["source  May 5\n  ours  5\\u67085\\u65e5\n\nsource  x\n  ours  y\n"]


def test_a_typeface_that_has_all_signs_is_used(monkeypatch):
    import matplotlib

    fonts = f"{matplotlib.get_data_path()}/fonts/ttf"
    monkeypatch.setattr(translation, "printable", lambda text, longest: "")  # as if the plots' own had none of it
    monkeypatch.setattr(translation, "_candidates", lambda: (f"{fonts}/cmr10.ttf", f"{fonts}/DejaVuSans.ttf"))
    assert typeface("ж") == f"{fonts}/DejaVuSans.ttf"
    assert text_table({"one": ["ж"]}).width > 50
    assert typeface("年") is None
