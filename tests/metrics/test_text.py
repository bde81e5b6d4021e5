"""Metrics of texts: the ends of their scales, means by length and by part."""

import numpy as np
import pytest

from deeplearn.metrics.text import by_length, exact, exact_by_part, text_agreement

WANTED = ["2026年11月26日木曜日", "2026/11/26", "猫"]


def test_the_ends_of_the_scales():
    assert text_agreement(WANTED, WANTED) == pytest.approx({"exact_match": 1, "chrf": 100, "bleu": 100})
    wrong = text_agreement(["abcdefgh"] * 3, WANTED)
    assert wrong["exact_match"] == wrong["chrf"] == 0 and wrong["bleu"] < 5
    assert exact(["猫", "犬"], ["猫", "猫"]).tolist() == [True, False]


def test_chrf_and_bleu_by_hand():
    """Four of five characters: BLEU is (4/5 · 3/4 · 2/3 · 1/2)^¼, chrF the mean F₂ of n-grams."""
    found = text_agreement(["abcdx"], ["abcde"])
    assert found["bleu"] == pytest.approx(100 * (1 / 5) ** 0.25)
    grams = [4 / 5, 3 / 4, 2 / 3, 1 / 2, 0]  # precision and recall are equal, so is F; texts have no 6-grams
    assert found["chrf"] == pytest.approx(100 * np.mean(grams), rel=1e-6)


def test_means_by_length():
    lengths, values = np.array([5, 1, 1, 9, 5, 9, 9, 2]), np.array([1, 0, 1, 0, 1, 1, 0, 1], bool)
    length, mean, error = by_length(lengths, values, bins=3)
    assert (np.diff(length) > 0).all() and len(length) <= 3
    # Whatever the bins are, rows of one length are in one, and none is lost.
    assert mean[-1] == pytest.approx(1 / 3) and length[-1] == 9
    assert error[-1] == pytest.approx(np.sqrt(1 / 3 * 2 / 3 / 3))
    (one,), (of_one,), _ = by_length(np.full(4, 7), np.array([1, 0, 0, 0], bool))
    assert (one, of_one) == (7, 0.25)


def test_parts_that_test_has():
    about = {"parts": ["old", "new tones", "new persons", "none"], "held_out": ["new tones", "new persons"]}
    right, part = np.array([1, 0, 1, 1, 0], bool), np.array([0, 0, 1, 2, 2])
    found = exact_by_part(right, part, about)
    assert found == {
        "exact_old": 0.5,
        "exact_new_tones": 1,
        "exact_new_persons": 0.5,
        "exact_held_out": pytest.approx(2 / 3),
    }
    assert exact_by_part(right, None, about) == exact_by_part(right, part, {}) == {}
