"""Captions as tokens: what a user types, and words that are dropped."""

import types

import jax
import numpy as np
import pytest

from deeplearn import data
from deeplearn.data import Vocabulary
from deeplearn.errors import UserError
from deeplearn.text_to_image.captions import asked, drop_words, need_captions, texts_of, tokens_of, written


@pytest.fixture(scope="module")
def emoji(data_dir):
    return data.load("openmoji/people-16", data_dir)


def words(found, dataset):
    return dataset.vocabulary.decode(found[0][0])


def test_a_text_is_written_as_the_set_writes_it(emoji):
    wanted = ["woman", "judge", "dark_skin"]
    for text in ("woman judge dark_skin", "woman judge: dark skin tone", "Woman Judge, dark skin tone!"):
        assert words(asked(text, emoji), emoji) == wanted
    assert words(asked("mrs. claus: medium-light skin tone", emoji), emoji) == [
        "Mrs",
        ".",
        "Claus",
        "medium_light_skin",
    ]


def test_the_captions_of_the_set_are_their_own_tokens(emoji):
    rows = emoji.test.arrays()
    tokens, length = tokens_of(texts_of(rows, emoji), emoji)
    np.testing.assert_array_equal(tokens, rows["tokens"])
    np.testing.assert_array_equal(length, rows["length"])


def test_captions_without_texts_are_read_from_their_tokens():
    shapes = data.load("shapes/32")
    rows = shapes.test.arrays(5)
    tokens, length = tokens_of(texts_of(rows, shapes), shapes)
    np.testing.assert_array_equal(tokens, rows["tokens"])
    np.testing.assert_array_equal(length, rows["length"])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the text is empty: say what is to be seen; it knows emoji of people, such as 'woman judge: dark"),
        (" ;, ", "the text is empty"),
        ("woman " * 40, "has 40 words, and the longest that this network reads has 8: say less"),
        ("woman jugde", "never learnt the word 'jugde': did you mean 'judge'"),
        ("qqqqqqq", "never learnt the word 'qqqqqqq': it knows emoji of people, such as 'woman judge"),
    ],
)
def test_what_cannot_be_read_is_said(text, sentence, emoji):
    with pytest.raises(UserError, match=sentence):
        asked(text, emoji)


def test_words_that_were_never_learnt_are_the_unknown_token(emoji):
    tokens, length = tokens_of(["feline judge"], emoji)
    assert tokens[0, 1] == Vocabulary.unknown and length[0] == 4


def test_pictures_without_captions_are_refused():
    plain = types.SimpleNamespace(
        name="digits", train=types.SimpleNamespace(spec={"image": 0}), vocabulary=None, need_images=lambda use: None
    )
    with pytest.raises(
        UserError, match="--dataset=digits has pictures without captions: choose openmoji/people-32"
    ):
        need_captions(plain)


def test_dropped_words_leave_the_others_in_their_order():
    tokens = np.tile(np.array([2, 10, 11, 12, 13, 3, 0, 0], np.int32), (4000, 1))
    found, length = map(np.asarray, drop_words(tokens, np.full(4000, 6, np.int32), jax.random.key(0), 0.25))
    assert (found[:, 0] == 2).all() and (found[np.arange(4000), length - 1] == 3).all()
    for row, count in zip(found, length, strict=True):
        assert (np.diff(row[1 : count - 1]) > 0).all() and not row[count:].any()
    assert (6 - length).mean() == pytest.approx(1, abs=0.05)
    kept, length = drop_words(tokens, np.full(4000, 6, np.int32), jax.random.key(0), 0.0)
    np.testing.assert_array_equal(kept, tokens)


def test_a_text_for_another_encoder_keeps_its_words_and_has_the_set_s_tones(emoji):
    assert written("feline  courier: dark skin tone", emoji) == "feline courier dark_skin"
    assert written("a dog", data.load("shapes/32")) == "a dog"
    with pytest.raises(UserError, match="the text is empty"):
        written(" ", emoji)
