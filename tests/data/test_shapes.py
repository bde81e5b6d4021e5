"""Scenes of shapes: what a sentence says is what is drawn, and held-out pairs are held out."""

import numpy as np
import pytest

from deeplearn.data import load
from deeplearn.data.shapes import COLOURS, KINDS, PLACES, SHAPES, SIZES, Scenes, _inside, held_out_pairs, vocabulary
from deeplearn.errors import UserError

ROWS = np.arange(3000)


def test_no_held_out_pair_is_in_training_and_half_of_the_other_rows_have_one():
    out = held_out_pairs()
    assert out.sum() == len(SHAPES) and out.any(0).sum() == len(SHAPES)
    for new in (False, True):
        scenes = Scenes(ROWS, 0, new)
        there = scenes.things[..., 0] >= 0
        pairs = out[scenes.things[..., 0], scenes.things[..., 1]] & there
        np.testing.assert_array_equal(pairs.any(1), scenes.held_out == 1)
        assert new == (0.45 < scenes.held_out.mean() < 0.55) and new == scenes.held_out.any()


def test_all_kinds_and_parts_come_about_equally_often():
    scenes = Scenes(ROWS, 0, False)
    assert np.bincount(scenes.kind).min() > 900
    first = scenes.things[:, 0]
    counts = np.zeros((len(SHAPES), len(COLOURS)))
    np.add.at(counts, (first[:, 0], first[:, 1]), 1)
    assert counts[~held_out_pairs()].min() > 100 and not counts[held_out_pairs()].any()
    two = scenes.things[scenes.kind == 1]
    assert (two[:, 0, :2] != two[:, 1, :2]).any(1).all()  # or the relation would not say which is which


def test_a_sentence_says_what_is_there():
    scenes = Scenes(np.arange(200), 3, True)
    for text, kind, things in zip(scenes.texts(), scenes.kind, scenes.things, strict=True):
        words = text.split()
        named = [
            f"{list(SIZES)[size]} {list(COLOURS)[colour]} {SHAPES[shape]}"
            for shape, colour, size in things.tolist()
            if shape >= 0
        ]
        if KINDS[kind] == "count":
            assert len(named) == {"two": 2, "three": 3, "four": 4}[words[0]] and len(set(named)) == 1
            assert " ".join(words[1:]) in (f"{named[0]}s", f"{named[0]}es")
        else:
            assert all(name in text for name in named) and len(named) == 1 + (KINDS[kind] == "relation")
        assert (vocabulary().encode(words) > 3).all()


def test_areas_are_those_of_the_shapes():
    axis = (np.arange(400) + 0.5) / 200 - 1
    areas = [_inside(axis[None], axis[:, None], np.full((1, 1), shape)).mean() for shape in range(4)]
    np.testing.assert_allclose(areas, [np.pi / 4, 1, 1 / 2, 5 / 9], atol=0.01)


def test_a_thing_is_drawn_where_it_stands():
    scenes = Scenes(ROWS[:300], 0, False)
    one = np.flatnonzero(scenes.kind == 0)[:20]
    images = scenes.images(32)[one]
    dark = 1 - images.mean(-1)
    middle = (np.arange(32) + 0.5) / 32
    for image, row in zip(dark, one, strict=True):
        x, y = (image.sum(axis) @ middle / image.sum() for axis in (0, 1))
        place = np.array(list(PLACES.values()))[scenes.place[row]]
        assert np.abs(np.array([x, y]) - place).max() < 0.1
        colour = np.array(list(COLOURS.values()))[scenes.things[row, 0, 1]]
        assert np.abs(images[list(one).index(row)] - colour).sum(-1).min() < 1e-5


def test_the_set():
    dataset = load("shapes")
    assert dataset.name == "shapes/32" and dataset.image_shape == (32, 32, 3)
    rows = np.array([5, 2**33])
    some, again = dataset.train.gather(rows), dataset.train.gather(rows[::-1])
    for name in some:
        np.testing.assert_array_equal(some[name], again[name][::-1])
    texts = Scenes(rows, 0, False).texts()
    found = [dataset.vocabulary.text(one) for one in some["tokens"]]
    assert found == texts and (some["length"] == [2 + len(text.split()) for text in texts]).all()
    with pytest.raises(UserError, match="shapes/48 is none: say shapes/32 or shapes/64"):
        load("shapes/48")
