"""Centres and contexts, against loops over the words; thinning and noise, against their formulas."""

import numpy as np
import pytest

from deeplearn.data import Arrays, Ragged
from deeplearn.data.huffman import huffman
from deeplearn.data.later import Later
from deeplearn.data.word_windows import THINNINGS, WordWindows, counted, kept_fraction, words_in_rows
from deeplearn.errors import UserError

RNG = np.random.default_rng(0)
ROWS = [RNG.integers(1, 12, size=RNG.integers(1, 15)).tolist() for _ in range(60)]
SPLIT = Arrays({"tokens": Ragged.of(ROWS, buckets=(20,))})


def test_counts_leave_out_special_and_rare_tokens():
    words = [word for row in ROWS for word in row]
    expected = [words.count(word) if word > 3 else 0 for word in range(12)]
    np.testing.assert_array_equal(counted(SPLIT, 12), expected)
    least = sorted(expected)[-3]
    np.testing.assert_array_equal(counted(SPLIT, 12, least), [c if c >= least else 0 for c in expected])


def test_contexts_are_the_words_at_most_b_places_away_in_the_row():
    counts = counted(SPLIT, 12)
    windows = WordWindows(SPLIT, counts, window=3)
    kept = [[word for word in row if word > 3] for row in ROWS]
    assert len(windows) == THINNINGS * sum(map(len, kept))
    rows = windows.arrays()
    reaches, at = [], 0
    for row in kept * THINNINGS:
        for place, word in enumerate(row):
            assert rows["center"][at] == word
            context = rows["context"][at]
            fits = []
            for reach in (1, 2, 3):
                near = [
                    row[place + o] if abs(o) <= reach and 0 <= place + o < len(row) else 0
                    for o in (-3, -2, -1, 1, 2, 3)
                ]
                fits += [reach] * (near == context.tolist())
            assert fits
            if 3 <= place < len(row) - 3:
                reaches += fits
            at += 1
    assert np.bincount(reaches, minlength=4)[1:].min() > len(reaches) / 5  # evenly drawn


def test_thinning_by_both_rules():
    counts = np.array([0, 0, 0, 0, 900, 90, 10])
    f, t = 0.9, 0.05
    assert kept_fraction(counts, t)[4] == pytest.approx((np.sqrt(f / t) + 1) * t / f)
    assert kept_fraction(counts, t, "paper")[4] == pytest.approx(np.sqrt(t / f))
    assert kept_fraction(counts, t)[6] == 1 and (kept_fraction(counts, 0) == 1).all()
    text = Arrays({"tokens": Ragged.of([np.repeat([4, 5, 6], [900, 90, 10])], buckets=(1000,))})
    found = np.bincount(WordWindows(text, counts, 2, t).arrays()["center"], minlength=7)
    share = kept_fraction(counts, t)
    np.testing.assert_allclose(found[4:] / (THINNINGS * counts[4:]), share[4:], atol=0.03)
    assert share[4] < 0.5


def test_noise_is_drawn_by_counts_to_the_power_three_quarters():
    counts = np.array([0, 0, 0, 0, 4000, 1000, 0, 20])
    text = Arrays({"tokens": Ragged.of([np.repeat([4, 5, 7], [4000, 1000, 20])], buckets=(6000,))})
    drawn = np.bincount(WordWindows(text, counts, 2).arrays()["noise"], minlength=8)
    expected = counts**0.75 / (counts**0.75).sum()
    np.testing.assert_allclose(drawn / drawn.sum(), expected, atol=0.01)


def test_further_columns_and_an_empty_text():
    counts = counted(SPLIT, 12)
    codes, parts = huffman(counts), np.arange(24).reshape(12, 2)
    windows = WordWindows(SPLIT, counts, 2, codes=codes, parts=parts)
    rows = windows.gather(np.array([5, 70]))
    assert {name: rows[name].shape[1:] for name in rows} == {n: one.shape for n, one in windows.spec.items()}
    np.testing.assert_array_equal(rows["path"], codes.path[rows["center"]])
    np.testing.assert_array_equal(rows["parts"], parts[rows["center"]])
    words, where = words_in_rows(SPLIT, counts)
    assert len(words) == counts.sum() and (np.diff(where) >= 0).all()
    with pytest.raises(UserError, match="no word is left to learn from"):
        len(WordWindows(SPLIT, np.zeros(12, int), 2))


def test_a_split_that_is_made_later_is_made_once():
    made = []
    later = Later(lambda: made.append(1) or SPLIT)
    assert not made
    assert len(later) == len(SPLIT) and later.spec == SPLIT.spec and later.texts == ()
    np.testing.assert_array_equal(later.arrays(2)["tokens"], SPLIT.arrays(2)["tokens"])
    np.testing.assert_array_equal(later.gather(np.array([3]))["tokens"], SPLIT.gather(np.array([3]))["tokens"])
    assert made == [1]
