"""Other words for kinds: each kind is one of OpenMoji's, and whoever knows it is right."""

import numpy as np
import pytest

from deeplearn import data
from deeplearn.data import Arrays, Dataset
from deeplearn.text_to_image.paraphrases import PARAPHRASES, paraphrase_quality


@pytest.fixture(scope="module")
def emoji(data_dir):
    return data.load("openmoji/people-16", data_dir)


def test_fifty_other_words_none_of_which_names_its_own_kind(emoji):
    assert len(PARAPHRASES) == 50
    for text, kind in PARAPHRASES.items():
        assert kind in emoji.about["kinds"]
        assert not set(text.lower().split()) & set(kind.lower().split()), text


def test_who_knows_all_words_is_right_and_who_always_draws_a_student_once(emoji):
    train, kinds = emoji.train.arrays(), list(emoji.about["kinds"])

    def draw(texts, kind=None):
        rows = [np.flatnonzero(train["kind"] == kinds.index(kind or PARAPHRASES[text]))[0] for text in texts]
        return train["image"][rows]

    assert paraphrase_quality(draw, emoji)["paraphrase_kind"] > 0.97
    assert paraphrase_quality(lambda texts: draw(texts, "student"), emoji)["paraphrase_kind"] == pytest.approx(0.02)


def test_pictures_without_kinds_are_not_asked():
    split = Arrays({"image": np.zeros((2, 4, 4, 3), np.float32)})
    assert paraphrase_quality(lambda texts: split, Dataset("plain", split, split, split)) == {}
