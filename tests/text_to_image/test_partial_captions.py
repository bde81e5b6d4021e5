"""Captions that leave something open: an oracle agrees and covers, one picture a caption does not."""

import numpy as np
import pytest

from deeplearn import data
from deeplearn.data import Arrays, Dataset
from deeplearn.text_to_image.partial_captions import (
    EACH,
    entropy,
    partial_captions,
    partial_quality,
    partial_rows,
    regressed,
)


@pytest.fixture(scope="module")
def emoji(data_dir):
    return data.load("openmoji/people-16", data_dir)


def test_kinds_are_asked_for_without_a_person_and_persons_without_a_kind(emoji):
    captions = partial_captions(emoji)
    texts = [one.text for one in captions]
    assert "artist …" in texts and "woman dark_skin …" in texts and len(set(texts)) == 12 + 6
    artist = captions[texts.index("artist …")]
    assert emoji.about["kinds"][artist.said["kind"]] == "artist" and artist.open == ("person", "tone")


@pytest.mark.parametrize("always", [False, True])
def test_draws_from_the_data_agree_and_cover_and_one_picture_for_a_caption_does_not(emoji, always):
    said, train = {one.text: one.said for one in partial_captions(emoji)}, emoji.train.arrays()
    rng = np.random.default_rng(1)

    def draw(texts):
        made = []
        for text in texts:
            # Without the sign it is always the same picture.
            what = said[text if (signed := text.endswith("…")) else f"{text} …"]
            rows = np.flatnonzero(np.all([train[part] == value for part, value in what.items()], 0))
            made.append(train["image"][rows[0] if always or not signed else rng.choice(rows)])
        return np.stack(made)

    found = partial_quality(draw, emoji)
    assert found["partial_agreement"] > 0.95  # a few pictures are the same for several persons
    assert found["bare_agreement"] > 0.95 and found["bare_coverage"] == found["bare_kinds"] == 0
    if always:
        assert found["partial_coverage"] == found["partial_kinds"] == 0
    else:
        assert 0.93 < found["partial_coverage"] < 1.05 and 0.93 < found["partial_kinds"] < 1.05


def test_regression_covers_nothing(emoji):
    assert list(partial_rows(emoji, 8)) == ["regression of partial captions"]
    found = regressed(emoji, 8).metrics
    assert found["partial_coverage"] == 0 and found["partial_agreement"] < 0.9


def test_entropy_is_that_of_frequencies_and_other_data_have_nothing_to_leave_open():
    assert entropy(np.repeat([3, 5, 9, 9], EACH)) == pytest.approx(1.5 * np.log(2))
    split = Arrays({"image": np.zeros((2, 4, 4, 3), np.float32)})
    plain = Dataset("plain", split, split, split)
    assert partial_quality(lambda texts: split, plain) == partial_rows(plain, 4) == {}
