"""A user's two folders of pictures without pairs: read, cut, and their mistakes in one sentence."""

import numpy as np
import pytest

from deeplearn import data
from deeplearn.data.names import absolute
from deeplearn.data.two_folders import load_two_folders
from deeplearn.data.unpaired import unpaired
from deeplearn.errors import UserError

from .test_picture_pairs import levels, save


def test_two_folders_have_their_own_sizes_and_no_pairs(tmp_path):
    for number in range(12):
        save(tmp_path / "a" / f"{number}.png", (number, 0, 0))
    for number in range(5):
        save(tmp_path / "b" / f"{number}.png", (100 + number, 0, 0), size=(9, 9))
    dataset = data.load(f"unpaired:{tmp_path / 'a'},{tmp_path / 'b'}@8")
    assert dataset.about["paired"] == () and dataset.train.spec["source"].shape == (8, 8, 3)
    sides = unpaired(dataset)
    assert {name: len(split) for name, split in sides.sources.items()} == {"source": 10, "target": 3}
    assert len(dataset.train) == 10 and len({*levels(dataset.train, "target")}) == 3
    assert {*levels(sides.sources["target"].split, "target")} == {
        *np.rint(255 * sides.sources["target"].arrays()["image"][:, 0, 0, 0]).astype(int)
    }
    stream = data.stream(sides, 3, seed=0)
    assert stream.batch(5)["target"]["image"].shape == (3, 8, 8, 3)


@pytest.mark.parametrize("name", ["a", "a,b,c", ",b", ""])
def test_two_folders_should_be_two(name):
    with pytest.raises(UserError, match="should name two folders joined by a comma"):
        data.load(f"unpaired:{name}")


def test_both_paths_become_absolute(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert absolute("unpaired:a,b@64") == f"unpaired:{tmp_path}/a,{tmp_path}/b@64"


def test_the_first_folder_has_the_second_s_size_or_its_own_and_notes_say_which(tmp_path):
    for number in range(10):
        save(tmp_path / "a" / f"{number}.png", number)
        save(tmp_path / "b" / f"{number}.png", number, size=(9, 9))
    for name, shapes in (("{a},{b}@8", (8, 8)), ("{a}@6,{b}@8", (6, 8))):
        dataset = load_two_folders(name.format(a=tmp_path / "a", b=tmp_path / "b"))
        assert tuple(dataset.train.spec[side].shape[0] for side in ("source", "target")) == shapes
    assert dataset.about["sizes"] == (8, 8) and dataset.notes
    assert all(note.startswith(("source: ", "target: ")) for note in dataset.notes)
