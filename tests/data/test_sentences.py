"""Sentences whose closeness is known: of the world, of Python's documentation, and a user's own pairs."""

import itertools

import numpy as np
import pytest

from deeplearn import data
from deeplearn.data.builders import sentences
from deeplearn.data.builders.sentences import ATTRIBUTES, ORDERS, PARTS, PEOPLE, PLACES, TIMES, VERBS, WORDINGS

SPLITS = ("train", "validation", "test")
SMALL = {"the", "a", "at", "by", "in", "on", "of"}


@pytest.fixture(scope="module")
def world(data_dir):
    return data.load("sentences/world", data_dir)


@pytest.fixture(scope="module")
def rows(world):
    return {split: getattr(world, split).arrays() for split in SPLITS}


def understood(text):
    """The meaning of a sentence, found by looking its words up: not how it was made."""

    def found(wordings, within):
        (one,) = {number for number, pair in enumerate(wordings) for words in pair if f" {words} " in f" {within} "}
        return one

    verb = found(VERBS, text)
    middle = next(words for words in VERBS[verb] if f" {words} " in f" {text} ")
    before, after = text.split(f" {middle} ")
    subject = before.removesuffix(" was").split()[-1]
    other = after.removeprefix("by ").split()[1]
    subject, other = (next(n for n, pair in enumerate(PEOPLE) if word in pair) for word in (subject, other))
    who, whom = (other, subject) if " was " in text else (subject, other)
    return who, verb, whom, found(PLACES, text), found(TIMES, text)


def test_sizes(rows):
    assert [len(part["text"]) for part in rows.values()] == [14_400, 1560, 7200]


def test_a_sentence_has_its_meaning_and_a_pair_the_closeness_of_both(world, rows):
    assert (world.about["parts"], world.about["attributes"]) == (PARTS, ATTRIBUTES)
    assert world.about["values"][1][0] == "helped" and len(world.about["values"]) == len(ATTRIBUTES)
    for part in rows.values():
        for text, meaning in list(zip(part["text"], part["meaning"], strict=True))[::17]:
            assert understood(text) == tuple(meaning), text
        first, second = part["meaning"][::2], part["meaning"][1::2]
        np.testing.assert_allclose(part["closeness"][::2], (first == second).mean(1), rtol=1e-6)
        np.testing.assert_array_equal(part["closeness"][::2], part["closeness"][1::2])
        graded = part["closeness"][part["part"] == 0]
        assert (np.unique(graded, return_counts=True)[1] == len(graded) // 6).all()


def test_no_meaning_is_in_two_splits(rows):
    kept = {
        split: set(map(tuple, part["meaning"][np.isin(part["part"], (0, 1))].tolist()))
        for split, part in rows.items()
    }
    for one, other in itertools.combinations(SPLITS, 2):
        assert not kept[one] & kept[other]
    known = set(map(tuple, rows["train"]["meaning"].tolist()))
    assert not known & set(map(tuple, rows["test"]["meaning"].tolist()))  # nor is what an exchange tells


def test_two_wordings_share_no_word_and_tell_the_same():
    for first, second in itertools.chain.from_iterable(WORDINGS):
        assert not (set(first.split()) - SMALL) & (set(second.split()) - SMALL)
    meaning = np.array([0, 1, 2, 3, 4])
    told = {
        sentences.told(meaning, wording, passive, order)
        for wording in itertools.product((0, 1), repeat=5)
        for passive in (0, 1)
        for order in range(len(ORDERS))
    }
    assert len(told) == 32 * 2 * 6 and {understood(text) for text in told} == {(0, 1, 2, 3, 4)}


def test_traps_are_of_the_words_that_they_say(rows):
    def bags(part, number):
        texts = part["text"][part["part"] == number].reshape(-1, 2)
        return [(anchor, sorted(anchor.split()), other, sorted(other.split())) for anchor, other in texts]

    part = rows["test"]
    same, theirs, own = (bags(part, number) for number in (1, 2, 3))
    assert len(same) == len(theirs) == len(own) == sentences.TRAPS["test"]
    for true, one, other in zip(same, theirs, own, strict=True):
        assert true[0] == one[0] == other[0]  # the sentence that they are compared with
        assert one[3] == true[3] and one[2] != true[2]
        assert other[3] == other[1] and other[2] != other[0]
        assert not (set(true[1]) - SMALL - {"was"}) & (set(true[3]) - SMALL - {"was"})


def test_documentation_has_its_topics_in_one_split_and_no_sentence_twice(data_dir):
    dataset = data.load("sentences/python_docs", data_dir)
    parts = {split: getattr(dataset, split).arrays() for split in SPLITS}
    topics = {split: set(part["label"].tolist()) for split, part in parts.items()}
    assert [len(one) for one in topics.values()] == [58, 4, 5]
    assert not any(topics[a] & topics[b] for a, b in itertools.combinations(SPLITS, 2))
    texts = [text for part in parts.values() for text in part["text"]]
    assert len(texts) == len(set(texts)) > 2000
    assert {dataset.classes[label] for label in topics["test"]} == {
        *("assignment", "calls", "numeric-types", "raise", "strings"),
    }
    for text in texts[::50]:
        assert text[-1] in ".!?:" and "::=" not in text and "\n" not in text and 6 <= len(text.split()) <= 60


def test_sentences_are_cut_at_their_ends():
    text = "* A list is a sequence of things. It is\n  mutable, e.g. by its own methods.\n\n   >>> [1. Two three]\n"
    assert list(sentences.sentences(text)) == [
        "A list is a sequence of things.",
        "It is mutable, e.g. by its own methods.",
    ]


@pytest.mark.parametrize("separator", ["\t", ",", ";"])
def test_a_user_s_pairs_are_rows_side_by_side(separator, tmp_path):
    lines = [("year", "SCORE", "sentence1", "sentence2", "split")]
    lines += [("2012", f"{n / 4}", f"one {n}", f"another {n}", ("train", "dev", "test")[n % 3]) for n in range(9)]
    (tmp_path / "own.csv").write_text("\n".join(map(separator.join, lines)))
    dataset = data.load(f"sts:{tmp_path}/own.csv")
    test = dataset.test.arrays()
    assert test["text"].tolist() == ["one 2", "another 2", "one 5", "another 5", "one 8", "another 8"]
    np.testing.assert_array_equal(test["closeness"], np.float32([0.5, 0.5, 1.25, 1.25, 2, 2]))
    assert dataset.vocabulary.level == "word" and set(dataset.vocabulary.tokens[4:]) >= {"one", "another"}
