"""Captions as tokens: what a user types, and words that are lost."""

import types

import jax
import numpy as np
import pytest

from deeplearn import data
from deeplearn.data import Vocabulary
from deeplearn.errors import UserError
from deeplearn.text_to_image.captions import (
    MORE,
    asked,
    lose_words,
    need_captions,
    texts_of,
    tokens_of,
    written,
)


@pytest.fixture(scope="module")
def emoji(data_dir):
    return data.load("openmoji/people-16", data_dir)


def words(found, dataset):
    return dataset.vocabulary.decode(found[0][0])


def test_a_text_is_written_as_the_set_writes_it(emoji):
    wanted = ["woman", "judge", "dark_skin"]
    for text in (
        "woman judge dark_skin",
        "woman judge: dark skin tone",
        "Woman Judge, dark skin tone!",
        "Woman judge, Dark skin",
    ):
        assert words(asked(text, emoji, open_ended=False), emoji) == wanted
    assert words(asked("mrs. claus: medium-light skin tone", emoji, open_ended=False), emoji) == [
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
        asked(text, emoji, open_ended=True)


def test_words_that_were_never_learnt_are_left_out(emoji):
    judge = emoji.vocabulary.encode(["judge"])[0]
    tokens, length = tokens_of(["feline judge", "feline"], emoji)
    assert tokens[:, :3].tolist() == [[2, judge, 3], [2, 3, 0]] and length.tolist() == [3, 2]


def test_three_points_leave_the_rest_open(emoji):
    tokens, length = asked("woman judge", emoji, open_ended=True)
    for text in ("woman judge …", "woman judge...", "… woman judge"):
        more, longer = asked(text, emoji, open_ended=True)
        assert longer == length + 1 and more[0, :5].tolist() == [*tokens[0, :3], MORE, Vocabulary.end]
    assert asked("…", emoji, open_ended=True)[0][0, :3].tolist() == [Vocabulary.begin, MORE, Vocabulary.end]
    with pytest.raises(UserError, match="reads whole captions, and nothing was trained to complete them"):
        asked("woman judge …", emoji, open_ended=False)


def test_pictures_without_captions_are_refused():
    plain = types.SimpleNamespace(
        name="digits", train=types.SimpleNamespace(spec={"image": 0}), vocabulary=None, need_images=lambda use: None
    )
    with pytest.raises(
        UserError, match="--dataset=digits has pictures without captions: choose openmoji/people-32"
    ):
        need_captions(plain)


def test_lost_words_leave_the_others_in_their_order_and_a_sign():
    tokens = np.tile(np.array([2, 10, 11, 12, 13, 3, 0, 0], np.int32), (4000, 1))
    found, length = map(np.asarray, lose_words(tokens, np.full(4000, 6, np.int32), jax.random.key(0)))
    assert (found[:, 0] == 2).all() and (found[np.arange(4000), length - 1] == 3).all()
    lost = np.zeros(4000, int)
    for row, (words, count) in enumerate(zip(found, length, strict=True)):
        inside, signs = words[1 : count - 1], (words == MORE).sum()
        lost[row] = 4 - (inside != MORE).sum()
        assert signs == (lost[row] > 0) and (not signs or inside[-1] == MORE) and not words[count:].any()
        assert (np.diff(inside[inside != MORE]) > 0).all()
    assert lost.mean() == pytest.approx(2, abs=0.05)
    assert (lost == 0).mean() == pytest.approx(1 / 16, abs=0.02)


def test_a_text_for_another_encoder_keeps_its_words_and_has_the_set_s_tones(emoji):
    assert written("feline  courier: dark skin tone", emoji) == "feline courier dark_skin"
    assert written("a dog", data.load("shapes/32")) == "a dog"
    with pytest.raises(UserError, match="the text is empty"):
        written(" ", emoji)
    assert written("judge …", emoji) == "judge …"
