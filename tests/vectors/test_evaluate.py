"""What pages of word vectors share: their checks of the data, and the measure that needs no questions."""

import dataclasses

import numpy as np
import pytest

from deeplearn.data import Arrays, Dataset, Ragged, Vocabulary, load
from deeplearn.data.subwords import buckets_of
from deeplearn.errors import UserError
from deeplearn.metrics.closeness import unit
from deeplearn.vectors import Subwords, Vectors
from deeplearn.vectors.config import VectorsConfig
from deeplearn.vectors.evaluate import (
    mapped,
    measure,
    neighbours,
    ppmi,
    questions,
    running_words,
    together,
    unseen,
    vectors_of,
    word_counts,
)

CONFIG = VectorsConfig(features=3, window=2)


def corpus(rows, words="abcdef"):
    vocabulary = Vocabulary.of(words)
    split = Arrays({"tokens": Ragged.of([vocabulary.encode(row) for row in rows], buckets=(10,))})
    return Dataset("some", split, split, split, vocabulary=vocabulary)


def test_together_counts_pairs_by_brute_force():
    """Words that stand together have one vector, drawn ones another: only the same word drawn is a tie."""
    dataset = corpus(["aab"] * 50 + ["ccd"] * 50)
    counts = word_counts(dataset, CONFIG)
    table = np.zeros((len(counts), 2), np.float32)
    ids = dataset.vocabulary.encode("abcd")
    table[ids[:2], 0] = table[ids[2:], 1] = 1
    found = together(vectors_of(table, dataset, counts), dataset, counts, 2)
    # Noise is of the own half of the words, and so a tie, in half of the draws.
    assert found == pytest.approx(0.75, abs=0.05)
    assert together(vectors_of(np.ones_like(table), dataset, counts), dataset, counts, 2) == 0.5


def test_words_too_rare_to_be_learnt_are_judged_by_their_pieces():
    dataset = corpus([["cat", "purrs"]] * 40 + [["dog", "barks"]] * 40, ["cat", "purrs", "dog", "barks", "cats"])
    rare = corpus([["cats", "purrs"]] * 3, ["cat", "purrs", "dog", "barks", "cats"])
    dataset = dataclasses.replace(dataset, test=rare.test)
    counts = word_counts(dataset, CONFIG)
    words = tuple(dataset.vocabulary.tokens[n] for n in np.flatnonzero(counts))
    own = np.array([[1, 0] if word in ("cat", "purrs") else [0, 1] for word in words], "f4")
    buckets = np.zeros((1000, 2), "f4")
    buckets[buckets_of("cats", 1000)] = [1, 0]
    found = unseen(Vectors(words, own, counts[counts > 0], Subwords(own, buckets, 3, 6)), dataset, CONFIG)
    assert found["together_unseen"] > 0.6
    assert unseen(Vectors(words, own), dataset, CONFIG) == {}


def test_what_is_no_corpus_is_one_sentence():
    with pytest.raises(UserError, match="is no text cut into words: choose persons"):
        word_counts(load("copy/10"), CONFIG)
    with pytest.raises(UserError, match=r"has 1 different word\(s\) that occur 1 times"):
        word_counts(corpus(["aaa"] * 5), CONFIG)
    with pytest.raises(UserError, match="a smaller --min_count"):
        word_counts(corpus(["ab"]), dataclasses.replace(CONFIG, min_count=2))


def test_what_could_not_be_measured_is_said_before_training(tmp_path):
    dataset = dataclasses.replace(corpus(["abab"]), test=corpus(["cdcd"]).test)
    (tmp_path / "q.txt").write_text("x y z w\n")
    (tmp_path / "k.txt").write_text("x y 1\ny z 2\n")
    for wrong in ({"analogies": f"{tmp_path}/q.txt"}, {"judged": (f"{tmp_path}/k.txt",)}):
        with pytest.raises(UserError, match="asks about words that are not in some"):
            word_counts(corpus(["abab"]), dataclasses.replace(CONFIG, **wrong))
    twice = dataclasses.replace(CONFIG, judged=("a/k.txt", "b/k.txt"))
    with pytest.raises(UserError, match="two files of --judged are called k"):
        word_counts(corpus(["abab"]), twice)
    with pytest.raises(UserError, match="no word of some's test text is among those learnt"):
        word_counts(dataset, CONFIG)
    (tmp_path / "j.txt").write_text("a b c\n")
    for wrong, said in (
        ({"analogies": "none.txt"}, "none.txt"),
        ({"judged": (f"{tmp_path}/j.txt",)}, "has 0 judged"),
    ):
        with pytest.raises(UserError, match=said):
            word_counts(corpus(["abab"]), dataclasses.replace(CONFIG, **wrong))


def test_analogies_are_those_of_persons_or_of_a_file(tmp_path):
    persons = load("persons/200")
    assert {end: len(some) for end, some in questions(persons, CONFIG).items()} == {
        "": 2520,
        "_age": 3312,
        "_role": 3960,
    }
    assert questions(corpus(["ab"]), CONFIG) == {}
    (tmp_path / "q.txt").write_text("a b c d\n")
    (tmp_path / "j.txt").write_text("a b 3\nc d 2\n")
    config = dataclasses.replace(CONFIG, analogies=str(tmp_path / "q.txt"), judged=(str(tmp_path / "j.txt"),))
    dataset = corpus(["abcd", "dcba"] * 10)
    row = ppmi(dataset, config)["PPMI, factored"]()
    assert {"together", "analogies", "answered", "similarity_j", "judged_j"} <= set(row.metrics)
    assert row.arrays["vectors"].shape == (4, 3)


def test_running_words_have_borders_between_rows():
    words, size = running_words(corpus(["ab", "c"]), CONFIG)
    assert words.tolist() == [4, 5, -1, 6] and size == 10


def test_pictures():
    dataset = load("persons/200")
    counts = word_counts(dataset, CONFIG)
    table = np.random.default_rng(0).normal(size=(len(counts), 3)).astype("f4")
    found = vectors_of(table, dataset, counts)
    assert mapped(found, dataset).size[0] > 500
    text = neighbours(found)
    word, near = text.splitlines()[0].split(": ")
    best = np.argsort(-(unit(found.table) @ unit(found[word][None])[0]))[1]
    assert near.split(", ")[0] == found.words[best]
    assert measure(found, dataset, CONFIG).metrics["answered"] == 1
