"""What is asked for, and what is right."""

import numpy as np
import pytest
from scipy.stats import sem

from deeplearn import data
from deeplearn.data import Arrays, Dataset, Vocabulary
from deeplearn.errors import UserError
from deeplearn.nn.functional import area_means
from deeplearn.text_to_image.baselines import picture_baselines
from deeplearn.text_to_image.quality import (
    asked_rows,
    gain_of_choice,
    picture_quality,
    rightness,
    which_are_right,
)
from deeplearn.text_to_image.sheet import asked_sheet, some_rows


@pytest.fixture(scope="module")
def emoji(data_dir):
    return data.load("openmoji/people-16", data_dir)


@pytest.fixture
def captioned():
    """Grey pictures whose captions say how grey."""
    vocabulary = Vocabulary.words(["a b c d e f"])

    def split(letters):
        grey = np.array([ord(letter) - ord("a") for letter in letters], np.float32) / 8
        tokens = np.array([[2, *vocabulary.ids(letter), 3] for letter in letters], np.int32)
        image = np.broadcast_to(grey[:, None, None, None], (len(letters), 4, 4, 3)).copy()
        image[:, 0] += np.linspace(0, 0.05, 4)[:, None]
        text = np.array([*letters], object)
        return Arrays(
            {"image": image, "tokens": tokens, "length": np.full(len(letters), 3, np.int32), "text": text}
        )

    return Dataset("greys", split("abc"), split("d"), split("ef"), vocabulary=vocabulary)


def test_true_pictures_are_right_at_any_size(emoji):
    asked = asked_rows(emoji)
    assert len(asked["image"]) == 304 + 200 and (asked["seen"] == np.repeat([0, 1], [304, 200])).all()
    for side in (16, 8):
        found = picture_quality(area_means(asked["image"], side), emoji, asked)
        assert found["mse"] == 0 and found["sharpness"] == pytest.approx(1)
        assert found["frechet_pixels"] == pytest.approx(0, abs=1e-3)
        assert min(found[f"identity_{new}"] for new in ("seen", "tone", "person")) == 1


def test_pictures_of_other_captions_are_wrong(emoji):
    asked = asked_rows(emoji)
    images, test = asked["image"].copy(), asked["seen"] == 0
    images[test] = np.roll(images[test], 7, 0)
    found = picture_quality(images, emoji, asked)
    assert found["identity"] < 0.05 and found["frechet_pixels"] == pytest.approx(0, abs=1e-3)
    assert found["identity_seen"] == 1


def test_shapes_are_read(data_dir):
    shapes = data.load("shapes/32", data_dir)
    asked = {key: column[480:540] for key, column in asked_rows(shapes).items()}
    found = picture_quality(asked["image"], shapes, asked)
    assert found["right"] == found["binding"] == found["right_seen"] == 1 and found["mse"] == 0
    assert rightness(shapes) == "right"


def test_by_chance_shapes_are_seldom_right(data_dir):
    """The pictures are as good as the true ones, and of the same categories."""
    shapes = data.load("shapes/32", data_dir)
    found = picture_baselines(shapes)["pictures of other captions"]().metrics
    assert found["sharpness"] == pytest.approx(1, abs=0.05) and found["right"] < found["binding"] < 0.1
    assert found["place"] < 0.3 and found["relation"] < 0.05 and found["count"] < 0.6


def test_of_other_pictures_the_nearest_has_the_caption(captioned):
    asked = asked_rows(captioned)
    assert asked["seen"].tolist() == [0, 0, 1, 1, 1]
    image = asked["image"].copy()
    assert picture_quality(image, captioned, asked)["identity"] == 1
    image[0] = image[2]
    found = picture_quality(image, captioned, asked)
    assert found["identity"] == 0.5 and found["identity_seen"] == 1
    image[0] = np.nan
    with pytest.raises(UserError, match="not finite: the generator diverged"):
        picture_quality(image, captioned, asked)


def test_a_sheet_shows_rows_of_all_kinds(captioned):
    some = some_rows(asked_rows(captioned), 3)
    assert some["text"].tolist() == ["e", "a", "c"]
    assert asked_sheet(some["image"], some, captioned).width > 3 * 96


def test_which_pictures_are_right_is_what_the_fractions_count(emoji, captioned, data_dir):
    shapes = data.load("shapes/32", data_dir)
    for dataset in (emoji, shapes, captioned):
        asked = {key: column[:12] for key, column in asked_rows(dataset).items() if key != "seen"}
        images = asked["image"].copy()
        images[::3] = 1
        images[1::3] = images[1::3, ..., ::-1]  # red things are blue, and stand where they should
        found = which_are_right(images, dataset, asked)
        assert found.dtype == bool and not found[::3].any() and found[2::3].any()
        assert found.mean() == picture_quality(images, dataset, asked)[rightness(dataset)]


def test_the_gain_of_a_choice_is_paired_over_captions_of_test(emoji):
    asked = {key: column[300:312] for key, column in asked_rows(emoji).items()}  # 4 of test, 8 of training
    wrong = 1 - asked["image"]
    made = np.stack([asked["image"], wrong, wrong], 1)
    made[2, 1] = made[2, 0]
    made[3] = made[3, [1, 0, 2]]
    found = gain_of_choice(made, np.zeros(12, int), emoji, asked)
    differences = [2 / 3, 2 / 3, 1 / 3, -1 / 3]
    assert found == {"gain": pytest.approx(np.mean(differences)), "gain_stderr": pytest.approx(sem(differences))}
