"""Pictures with captions: nothing is cut or covered, and light falls where weights are."""

import numpy as np

from deeplearn.figures.captioned import RIGHT, WRONG, captioned, judged, looked_at, word_by_word


def colours(picture):
    seen = set(map(tuple, np.asarray(picture).reshape(-1, 3).tolist()))
    return {tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5)) for colour in (RIGHT, WRONG)} & seen


def test_a_tile_for_each_picture_and_room_for_the_longest_text():
    images = np.zeros((5, 4, 8, 3))
    short, long = (captioned(images, ["a", text, "", "b", "c"], 2, tile=80) for text in ("b", "word " * 20))
    black = (np.asarray(short) == 0).all(-1)
    assert black.sum() >= 5 * 80 * 40 * 0.9  # all five, each twice as wide as high
    assert long.height > short.height and long.width == short.width
    assert captioned(images, [""] * 5, 2, credit="whose they are").height > captioned(images, [""] * 5, 2).height


def test_right_and_wrong_have_colours_of_their_own():
    images = np.ones((2, 4, 4, 1))
    said = [["a cat", ""], ["a cat", "the dog"]]
    assert len(colours(judged(images, *said, np.array([True, False])))) == 2
    assert len(colours(judged(images, *said, np.array([True, True])))) == 1


def test_a_picture_is_dark_where_nobody_looks():
    weights = np.zeros((4, 4))
    weights[0, 0] = 0.3
    shown = looked_at(np.ones((8, 12, 3)), weights)
    assert shown.shape == (8, 12, 3)
    assert shown[0, 0, 0] > 0.9 and shown[-1, -1, 0] < 0.3
    assert looked_at(np.ones((8, 8, 3)), np.zeros((4, 4))).max() < 0.3  # nor is 0 divided


def test_rows_of_words_may_differ_in_length():
    images, weights = np.ones((2, 4, 4, 3)), np.full((2, 3, 2, 2), 0.25)
    picture = word_by_word(images, weights, [["a", "b", "c"], ["d"]])
    assert picture.width > captioned(images, ["", ""], 3).width
