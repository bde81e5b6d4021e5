"""The dictionary against all alignments one by one; the nearest pair; both on a language whose words are known."""

import itertools
from collections import Counter

import numpy as np
import pytest

from deeplearn.baselines.translators import Dictionary, dictionary, nearest, translators, words
from deeplearn.data import Arrays, Dataset
from deeplearn.measured import Measured

PAIRS = [(["das", "haus"], ["the", "house"]), (["das", "buch"], ["the", "book"]), (["buch"], ["book"])]


def by_all_alignments(pairs, rounds):
    """Expectation maximisation of IBM model 1 (Brown et al. 1993, section 4.1): t[e, f], alignments enumerated."""
    t = {(e, f): 1.0 for source, target in pairs for e in ["", *source] for f in target}
    for _ in range(rounds):
        counts = Counter()
        for source, target in pairs:
            ways = list(itertools.product(["", *source], repeat=len(target)))
            chances = np.array([np.prod([t[e, f] for e, f in zip(way, target, strict=True)]) for way in ways])
            for way, chance in zip(ways, chances / chances.sum(), strict=True):
                for e, f in zip(way, target, strict=True):
                    counts[e, f] += chance
        totals = Counter()
        for (e, _), count in counts.items():
            totals[e] += count
        t = {(e, f): counts[e, f] / totals[e] for e, f in t}
    return t


@pytest.mark.parametrize("rounds", [1, 2, 7])
def test_a_dictionary_is_what_all_alignments_say(rounds):
    model, expected = Dictionary(PAIRS), by_all_alignments(PAIRS, rounds)
    model.fit(rounds)
    found = model.table()
    assert found.keys() == expected.keys()
    for pair, chance in expected.items():
        assert found[pair] == pytest.approx(chance, rel=1e-9, abs=1e-12), pair


def test_a_dictionary_translates_word_by_word():
    sources = [" ".join(source) for source, _ in PAIRS]
    targets = [" ".join(target) for _, target in PAIRS]
    translate = dictionary(sources, targets, 10)
    assert translate(["buch haus", "das unbekannte buch"]) == ["book house", "the unbekannte book"]


def test_words_end_where_the_script_changes():
    assert words("2026年11月26日(木)") == ["2026", "年", "11", "月", "26", "日", "(", "木", ")"]
    assert words("手をつなぐ女性 タイ語_é") == ["手", "をつなぐ", "女性", "タイ", "語", "_", "é"]


def test_the_nearest_pair():
    translate = nearest(["red cat", "blue dog", "green bird"], ["赤", "青", "緑"], 3)
    assert translate(["red cats", "dog, blue", "bird"]) == ["赤", "青", "緑"]


def test_both_in_a_run_and_what_was_chosen():
    split = Arrays(
        {
            "source_text": np.array(["a b", "b c", "c a"], object),
            "target_text": np.array(["xy", "yz", "zx"], object),
        }
    )
    thunks = translators(Dataset("set", split, split, split), lambda found: Measured({"first": found[0]}))
    rows = {name: thunk().metrics for name, thunk in thunks.items()}
    assert rows["nearest pair"] == {"first": "xy", "longest": 2}
    assert rows["word by word"]["rounds"] in (1, 3, 10)
