"""Running texts: rows joined, windows, and each token scored once from enough context."""

import numpy as np
import pytest

from deeplearn.data import Arrays, Dataset
from deeplearn.data.forms import labelled, windows
from deeplearn.data.running import UNKNOWN, RunningWindows, running, scored, written

TEXTS = ("abc" * 60 + "\nd", "bad", "ab?")


def texts(columns, form):
    splits = [
        Arrays({"text": np.array(rows, object), **columns(len(rows))})
        for rows in ([TEXTS[0]], TEXTS[1:], TEXTS[2:])
    ]
    return form(Dataset("texts", *splits, classes=("one",)), None)


def test_windows_of_a_text_are_joined_to_the_text():
    dataset = texts(lambda rows: {}, windows)
    tokens = running(dataset.train)
    assert tokens[0] == dataset.vocabulary.begin and tokens.dtype == np.int32
    assert dataset.vocabulary.text(tokens) == written(tokens, dataset.vocabulary) == TEXTS[0]
    assert written(running(dataset.validation), dataset.vocabulary) == f"badab{UNKNOWN}"


def test_texts_of_their_own_end_each():
    dataset = texts(lambda rows: {"label": np.zeros(rows, np.int32)}, labelled)
    tokens = running(dataset.validation)
    assert (tokens == dataset.vocabulary.end).sum() == 2 and tokens[-1] == dataset.vocabulary.end
    assert len(tokens) == 1 + 3 + 1 + 3 + 1
    # A text's end counts as the character that ends a line.
    assert written(tokens, dataset.vocabulary) == f"bad\nab{UNKNOWN}\n"


def test_every_place_begins_a_window():
    dataset = texts(lambda rows: {}, windows)
    whole, split = running(dataset.train), RunningWindows(dataset.train, 9)
    assert len(split) == len(whole) - 8 and split.spec["tokens"].shape == (9,)
    rows = split.gather(np.array([5, 0, len(split) - 1]))["tokens"]
    np.testing.assert_array_equal(rows, [whole[5:14], whole[:9], whole[-9:]])
    np.testing.assert_array_equal(split.arrays(2)["tokens"], [whole[:9], whole[1:10]])


@pytest.mark.parametrize("context", [1, 2, 7, 8])
@pytest.mark.parametrize("total", [2, 7, 8, 9, 10, 40, 41])
def test_each_token_is_scored_once_from_at_least_half_a_window(context, total):
    tokens = np.arange(100, 100 + total)
    rows = scored(tokens, context)
    assert rows["tokens"].shape[1] == context + 1 and rows["weight"].shape == (len(rows["tokens"]), context)
    where = rows["weight"] == 1
    assert sorted(rows["tokens"][:, 1:][where]) == list(tokens[1:])
    assert set(np.unique(rows["weight"])) <= {0, 1}
    before = np.broadcast_to(np.arange(1, context + 1), where.shape)[where]
    scored_tokens = rows["tokens"][:, 1:][where]
    assert (before >= np.minimum(context // 2, scored_tokens - 100)).all()
    # What stands before a scored token in its window is what stands before it in the text.
    for row, place in zip(*np.nonzero(where), strict=True):
        window = rows["tokens"][row, : place + 2]
        np.testing.assert_array_equal(window, np.arange(window[-1] - len(window) + 1, window[-1] + 1))
