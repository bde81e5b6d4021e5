"""CLIP folders: how pictures are prepared, and a sentence for each fault."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deeplearn.errors import UserError
from deeplearn.weights.clip_folder import MEAN, STD, open_clip_pictures, prepared
from tests.weights.text_encoders import FOLDERS

GOLDEN = Path(__file__).parents[1] / "golden" / "clip_pictures.npz"


@pytest.fixture
def folder(tmp_path):
    return Path(shutil.copytree(FOLDERS / "clip", tmp_path / "clip"))


def say(folder, name, **said):
    file = folder / name
    file.write_text(json.dumps((json.loads(file.read_text()) if file.exists() else {}) | said))


def test_a_photograph_is_prepared_as_transformers_prepares_it(folder):
    """By default; and as files of either age say it."""
    with np.load(GOLDEN) as expected:
        photo, wanted = Image.fromarray(expected["photo"]), expected["prepared"]
    for said in ({}, {"size": 4, "crop_size": 4, "resample": 3}, {"size": {"shortest_edge": 4}}):
        say(folder, "preprocessor_config.json", **said)
        np.testing.assert_allclose(open_clip_pictures(folder).picture(photo), wanted, atol=1e-6)


def test_what_the_file_says_counts(tmp_path):
    said = {"image_mean": [0.5] * 3, "image_std": [0.25] * 3, "size": {"shortest_edge": 9}, "resample": 2}
    say(tmp_path, "preprocessor_config.json", **said, crop_size={"height": 8, "width": 8})
    found = prepared(tmp_path, 8)
    assert (found.mean, found.std, found.resize, found.height) == ((0.5,) * 3, (0.25,) * 3, 9, 8)
    assert found.interpolation == "bilinear"
    (tmp_path / "preprocessor_config.json").unlink()
    assert (prepared(tmp_path, 8).mean, prepared(tmp_path, 8).std) == (MEAN, STD)


@pytest.mark.parametrize(
    ("name", "said", "says"),
    [
        (
            "config.json",
            {"model_type": "siglip"},
            "a network of the kind 'siglip': a sentence finds pictures by 'clip'",
        ),
        (
            "config.json",
            {"vision_config": 3},
            "vision_config=3: it should be the configuration of the picture encoder",
        ),
        (
            "config.json",
            {"vision_config": {"image_size": 9, "patch_size": 2}},
            "patch_size=2: it should be a divisor",
        ),
        (
            "config.json",
            {"vision_config": {"image_size": 4, "patch_size": 2, "hidden_size": 12, "num_hidden_layers": 2}},
            "has the shape [8",
        ),
        (
            "preprocessor_config.json",
            {"crop_size": 5},
            "makes pictures of 5 pixels a side, and the network reads 4",
        ),
        ("preprocessor_config.json", {"resample": "cubic"}, "does not say how pictures are prepared"),
        ("preprocessor_config.json", {"image_mean": [0.5]}, "does not say how pictures are prepared"),
        ("preprocessor_config.json", {"size": 2}, "does not say how pictures are prepared"),
    ],
)
def test_one_sentence_for_each_fault(folder, name, said, says):
    say(folder, name, **said)
    with pytest.raises(UserError) as error:
        open_clip_pictures(folder)
    assert says in str(error.value)


def test_no_folder(tmp_path):
    with pytest.raises(UserError, match="there is no folder"):
        open_clip_pictures(tmp_path / "none")
