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
    assert artist.open == ("person", "tone")
    assert artist.agrees(["man artist", "artist", "artists", "man"]).tolist() == [True, True, False, False]


@pytest.mark.parametrize("always", [False, True])
def test_draws_from_the_data_agree_and_cover_and_one_picture_for_a_caption_does_not(emoji, always):
    train, rng = emoji.train.arrays(), np.random.default_rng(1)
    names = train["text"].astype(str)

    def draw(texts):
        found = []
        for text in texts:
            rows = np.flatnonzero([set(text.split()[:-1]) <= set(name.split()) for name in names])
            found.append(train["image"][rows[0] if always else rng.choice(rows)])
        return np.stack(found)

    found = partial_quality(draw, emoji)
    assert found["partial_agreement"] == 1  # though some pictures have several names
    if always:
        assert found["partial_coverage"] == found["partial_kinds"] == 0
    else:
        assert 0.93 < found["partial_coverage"] < 1.05 and 0.93 < found["partial_kinds"] < 1.05


def test_regression_covers_nothing_but_what_its_captions_are_completed_to(emoji):
    names = emoji.train.arrays()["text"].astype(str)
    rng = np.random.default_rng(0)

    def read(texts):
        said = [set(text.split()[:-1]) for text in texts]
        return [rng.choice([name for name in names if words <= set(name.split())]) for words in said]

    rows = [f"regression of {captions} captions" for captions in ("partial", "completed")]
    assert list(partial_rows(None, emoji, 8)) == rows
    alone, completed = (regressed(emoji, 8, *how).metrics for how in ((), (read,)))
    assert alone["partial_coverage"] == 0 and alone["partial_agreement"] < 0.9
    assert completed["partial_coverage"] > 0.3


def test_entropy_is_that_of_frequencies_and_other_data_have_nothing_to_leave_open():
    assert entropy(np.repeat([3, 5, 9, 9], EACH)) == pytest.approx(1.5 * np.log(2))
    split = Arrays({"image": np.zeros((2, 4, 4, 3), np.float32)})
    plain = Dataset("plain", split, split, split)
    assert partial_quality(lambda texts: split, plain) == partial_rows(None, plain, 4) == {}
