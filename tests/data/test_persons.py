"""The corpus of persons: what is said of each, and analogies that hold by construction."""

import collections

import numpy as np
import pytest

from deeplearn.data import load
from deeplearn.data.persons import COUNTS, WORDS, analogies, persons, sentences
from deeplearn.errors import UserError

WORD = persons()
WHO = {word: person for person, word in WORD.items()}


def test_there_are_72_persons_and_each_word_tells_one_thing():
    assert len(WHO) == len(WORD) == 72
    words = [word for one in WORDS.values() for word in one.split()]
    assert len(set(words)) == len(words) and not set(words) & set(WHO)
    assert WORD["royal", "female", "grown"] == "queen" and WORD["common", "male", "young"] == "boy"


def test_a_sentence_is_about_one_person():
    told = {word: thing for thing, some in WORDS.items() for word in some.split()}
    counts = collections.Counter()
    for sentence in sentences(720, seed=1):
        (person,) = set(sentence) & set(WHO)
        counts[person] += 1
        assert sorted(told[word] for word in sentence if word in told) == sorted(WHO[person])
        assert len(sentence) == 1 + sum(COUNTS)
    assert set(counts.values()) == {10}


def test_in_an_analogy_the_same_one_thing_changes():
    places = {"role": 0, "sex": 1, "age": 2}
    found = analogies()
    assert ("sex", "king", "queen", "man", "woman") in found
    assert len(set(found)) == len(found) == 9792
    for changes, *words in found[::97]:
        a, b, c, d = (WHO[word] for word in words)
        place = places[changes]
        assert (a[place], b[place]) == (c[place], d[place]) and a[place] != b[place] and a != c
        for one, other in ((a, b), (c, d)):
            assert [x for n, x in enumerate(one) if n != place] == [x for n, x in enumerate(other) if n != place]


def test_the_set():
    dataset = load("persons/200")
    assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [200, 20, 20]
    tokens = dataset.train.arrays()["tokens"]
    assert dataset.vocabulary.text(tokens[3]).split() == sentences(200, seed=0)[3]
    assert (tokens > 3).all() and not np.array_equal(tokens[:20], dataset.test.arrays()["tokens"])
    for wrong in ("persons/9", "persons/many"):
        with pytest.raises(UserError, match="no such number of sentences"):
            load(wrong)
