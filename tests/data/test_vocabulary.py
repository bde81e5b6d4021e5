"""Tokens and ids, and a split whose texts become tokens."""

import numpy as np
import pytest

from deeplearn.data import Vocabulary
from deeplearn.data.vocabulary import SPECIAL

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


def test_pieces_are_those_of_a_library_and_write_every_text():
    from tokenizers import ByteLevelBPETokenizer

    texts = ["low lower lowest " * 5, "new newer newest " * 5, "the cat saw the dog. " * 3]
    theirs = ByteLevelBPETokenizer()
    theirs.train_from_iterator(texts, vocab_size=275, show_progress=False, min_frequency=0)
    vocabulary = Vocabulary.pieces(texts, 275)
    assert len(vocabulary) == 4 + 275 and len(vocabulary.merges) == 19
    for text in [*texts, "", "lowest cats,\n 月曜日 🙂 <end> and é"]:
        pieces = vocabulary.cut(text)
        assert pieces == theirs.encode(text).tokens
        ids = vocabulary.ids(text)
        assert (ids >= 4).all() and vocabulary.decode(ids) == pieces and vocabulary.text(ids) == text
    assert len(vocabulary.cut("lowest")) < 6
    assert vocabulary.join(["<unknown>", *vocabulary.cut("月a")]) == "<unknown>月a"


def test_ids_at_once():
    for vocabulary in (Vocabulary.characters(TEXTS), Vocabulary.words(TEXTS)):
        for text in [*TEXTS, "a ž"]:
            assert vocabulary.ids(text).tolist() == vocabulary.encode(vocabulary.cut(text)).tolist()
