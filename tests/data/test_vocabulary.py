"""Tokens and ids, and a split whose texts become tokens."""

import numpy as np
import pytest

from deeplearn.data import Arrays, Ragged, Records, Vocabulary, tokenised
from deeplearn.data.vocabulary import SPECIAL
from deeplearn.errors import UserError

TEXTS = ["the cat saw the dog.", "", "the end"]


def test_tokens_are_ordered_by_frequency_then_by_themselves():
    words = Vocabulary.words(TEXTS)
    assert words.tokens == (*SPECIAL, "the", ".", "cat", "dog", "end", "saw")
    assert Vocabulary.words(TEXTS, limit=2).tokens == (*SPECIAL, "the", ".")
    assert Vocabulary.characters(["abca", "b"]).tokens == (*SPECIAL, "a", "b", "c")
    assert Vocabulary.of(["U.S.", "a b", "<pad>", "a b"]).tokens == (*SPECIAL, "a b", "U.S.")  # as they are cut
    assert len(words) == 10 and (words.pad, words.unknown, words.begin, words.end) == (0, 1, 2, 3)


@pytest.mark.parametrize("level", ["characters", "words"])
def test_both_ways(level):
    vocabulary = getattr(Vocabulary, level)(TEXTS)
    for text in TEXTS:
        tokens = vocabulary.cut(text)
        ids = vocabulary.encode(tokens)
        assert ids.dtype == np.int32 and ids.shape == (len(tokens),) and (ids >= 4).all()
        assert vocabulary.decode(ids) == tokens
        assert vocabulary.join(vocabulary.decode(ids)) == text.replace(".", " ." if level == "words" else ".")
        framed = [vocabulary.begin, *ids, vocabulary.end, *ids, vocabulary.pad]
        assert vocabulary.decode(framed) == tokens


def test_what_is_unknown_or_spells_a_special_token_is_unknown():
    vocabulary = Vocabulary.words(TEXTS)
    assert vocabulary.encode(["cat", "cow", "<end>", "<pad>"]).tolist() == [6, 1, 1, 1]
    assert vocabulary.decode([6, 1]) == ["cat", "<unknown>"]


def test_a_vocabulary_that_cannot_be_is_refused():
    for tokens, level in (((*SPECIAL, "a", "a"), "word"), (("a", "b", "c", "d", "e"), "word"), (SPECIAL, "line")):
        with pytest.raises(ValueError):
            Vocabulary(tokens, level)


def test_texts_become_tokens_and_the_rest_stays():
    split = Arrays({"text": np.array(TEXTS), "label": np.array([2, 0, 1], np.int32)})
    records = Records(
        list(zip(TEXTS, [2, 0, 1], strict=True)),
        lambda record: {"text": record[0], "label": record[1]},
        {"text": ((), object), "label": ((), np.int32)},
    )
    vocabulary = Vocabulary.words(TEXTS)
    for source in (split, records):
        assert source.texts == ("text",) and source.arrays()["text"].tolist() == TEXTS
        columns = tokenised(source, "text", vocabulary).arrays()
        assert columns["tokens"].tolist() == [[4, 6, 9, 4, 7, 5], [0] * 6, [4, 8, 0, 0, 0, 0]]
        assert columns["length"].tolist() == [6, 0, 2]
        assert columns["label"].tolist() == [2, 0, 1] and set(columns) == {"tokens", "length", "label"}
    enclosed = tokenised(split, "text", vocabulary, enclosed=True, buckets=(4, 8), name="ids", length="size")
    assert enclosed.gather(np.array([1, 2]))["ids"].tolist() == [[2, 3, 0, 0], [2, 4, 8, 3]]
    assert enclosed.arrays()["size"].tolist() == [8, 2, 4] and enclosed.spec["ids"].shape == (8,)


def test_two_texts_of_a_row_become_two_columns():
    split = Arrays({"en": np.array(["a b", "a"]), "de": np.array(["x", "x y z"])})
    both = tokenised(split, "en", Vocabulary.words(["a b"]), name="source", length="source_length")
    both = tokenised(both, "de", Vocabulary.words(["x y z"]), name="target", length="target_length")
    assert isinstance(both._columns["source"], Ragged)  # still compact
    assert both.arrays()["source"].tolist() == [[4, 5], [4, 0]]
    assert both.arrays()["target"].tolist() == [[4, 0, 0], [4, 5, 6]]


def test_mistakes_are_explained():
    split = Arrays({"text": np.array(TEXTS)})
    with pytest.raises(UserError, match="row 0 has a sequence of length 6, longer than the 5 allowed"):
        tokenised(split, "text", Vocabulary.words(TEXTS), limit=5)
    with pytest.raises(UserError, match="no text column 'label': there is text"):
        tokenised(split, "label", Vocabulary.words(TEXTS))
    with pytest.raises(UserError, match=r"there is no text$"):
        tokenised(Arrays({"label": np.arange(3)}), "text", Vocabulary.words(TEXTS))
