"""Sets of pictures to be translated: outlines are outlines, and no split sees what another is measured on."""

import numpy as np
import pytest

from deeplearn.data.builders import colours, openmoji, outlines, unpaired
from deeplearn.data.builders.emoji_names import Emoji


def test_the_inner_edge_of_a_square_is_its_frame():
    image = np.zeros((1, 8, 8, 1), np.uint8)
    image[0, 1:6, 2:7] = 200
    frame = image.copy()
    frame[0, 2:5, 3:6] = 0
    np.testing.assert_array_equal(outlines.edges(image), frame)


def test_strokes_are_what_is_dark_averaged():
    picture = np.full((1, outlines.FINE, outlines.FINE, 3), 255, np.uint8)
    picture[0, 30:60, 30:60] = (255, 200, 40)  # an area
    picture[0, 30:60, 30:32] = 10  # a stroke: two of three columns
    source = outlines.strokes(picture)[0, ..., 0]
    assert (source[10:20, 10] == 85).all() and (np.delete(source, 10, 1) == 255).all()


def test_no_pixel_of_a_photograph_is_in_two_splits():
    photograph = np.arange(70 * 400 * 3).reshape(70, 400, 3)
    seen = {split: colours.patches(photograph, split) for split in colours.ENDS}
    assert [one.shape[0] for one in seen.values()] == [3 * 16, 2 * 1, 2 * 2]
    for split, patches in seen.items():
        first = patches[0, 0, 0, 0]
        np.testing.assert_array_equal(patches[0], photograph[:32, first // 3 : first // 3 + 32])
        others = [other for name, other in seen.items() if name != split]
        assert not np.isin(patches, np.concatenate(others)).any()


def test_only_test_has_characters_placed_alike(monkeypatch):
    monkeypatch.setattr(unpaired, "VARIANTS", {"train": 1, "validation": 1, "test": 1})

    def middles(images):
        """Of the boxes around the characters, [N, 2]."""
        return np.array(
            [[np.flatnonzero(image.any(axis)).take([0, -1]).mean() for axis in (0, 1)] for image in images[..., 0]]
        )

    for split, columns in unpaired.characters().items():
        apart = np.abs(middles(columns["source"]) - middles(columns["target"]))
        assert (apart.max() <= 1) == (split == "test")


def test_names_of_persons_are_in_one_split_and_of_train_on_one_side(monkeypatch):
    persons = [
        Emoji("", "", "", f"kind {number}", "person", tone)
        for number in range(20)
        for tone in (*unpaired.SKINS, "medium_skin")[: 3 if number else 1]
    ]
    # Each picture is its row and tone, so that names can be read from it.
    pictures = np.array([[int(one.kind.split()[1]), one.tone == "dark_skin"] for one in persons])
    monkeypatch.setattr(openmoji, "draw", lambda sides: openmoji.Drawn(persons, {unpaired.SIDE: pictures}, (), ()))
    splits = unpaired.persons()
    names = {(split, side): x[:, 0].tolist() for split, columns in splits.items() for side, x in columns.items()}
    assert {side: {*map(bool, splits["train"][side][:, 1])} for side in unpaired.SIDES} == {
        "source": {False},
        "target": {True},
    }
    assert names["test", "source"] == names["test", "target"] and len(names["test", "source"]) == 4
    groups = [{*of} for key, of in names.items() if key != ("test", "target")]
    assert sum(map(len, groups)) == len(set.union(*groups)) and 0 not in set.union(*groups)


@pytest.mark.slow
def test_emoji_of_one_class_or_kind_are_in_one_split():
    splits = outlines.emoji()
    pictures = [{x.tobytes() for x in columns["target"]} for columns in splits.values()]
    assert sum(map(len, pictures)) == len(set.union(*pictures)) == sum(len(c["source"]) for c in splits.values())
