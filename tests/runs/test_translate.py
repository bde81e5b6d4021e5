"""A folder of a user's pictures, translated by a run, and what cannot be, in one sentence."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn
from PIL import Image

from deeplearn import data
from deeplearn import train as dl
from deeplearn.errors import UserError
from deeplearn.runs.__main__ import main
from deeplearn.train.loop import run

SOURCE = {"module": __name__}
DARKER = 0.5


@dataclasses.dataclass(frozen=True)
class Config(dl.Config):
    able: bool = dl.flag(True, "whether it translates")


class Darker(nn.Module):
    @nn.compact
    def __call__(self, image):
        return DARKER * image + 0 * self.param("weight", nn.initializers.zeros, ())


def fit(model, batch):
    return jnp.square(model(batch["source"]) - batch["target"]).mean(), {}


def translate(trained, dataset, images):
    return trained.over(Darker.__call__, images)


def build(config, dataset):
    stage = dl.Stage([dl.Turn(fit)], optax.sgd(0.1), 1)
    hook = translate if config.able else None
    measured = lambda trained, dataset: dl.ours({"one": 1.0})  # noqa: E731
    return dl.Experiment(Darker(), [stage], dataset, evaluate=measured, translate=hook)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """{able: the directory of a run}; their data are gone."""
    split = data.Arrays({key: np.zeros((8, 6, 6, 1), np.float32) for key in ("source", "target")})
    root = tmp_path_factory.mktemp("translate")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "load", lambda name, _=None: data.Dataset("gone", split, split, split))
        for able in (True, False):
            config = Config(workdir=str(root / str(able)), dataset="gone", steps=1, batch_size=8, able=able)
            run("darker", build, config, SOURCE)
    jax.clear_caches()
    return {able: root / str(able) for able in (True, False)}


def command(directory, folder, out):
    main(["translate", f"--run={directory}", f"--folder={folder}", f"--out={out}"])


def test_each_picture_is_written_translated_under_its_name(runs, tmp_path, capsys):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    levels = {"a.png": 200, "deep/b.bmp": 100}
    for name, level in levels.items():
        Image.new("L", (6, 6) if level == 200 else (30, 20), level).save(tmp_path / "in" / name)
    command(runs[True], tmp_path / "in", tmp_path / "out")
    assert "2 picture(s), translated by darker at step 1" in capsys.readouterr().out
    for name, level in levels.items():
        with Image.open((tmp_path / "out" / name).with_suffix(".png")) as picture:
            assert picture.size == (6, 6) and picture.mode == "L"
            assert (np.asarray(picture) == level / 2).all()


@pytest.mark.parametrize(
    ("able", "files", "sentence"),
    [
        (False, {"a.png": "L"}, "darker translates no pictures"),
        (True, {}, "there are no pictures in"),
        (True, {"a.png": "L", "b.png": None}, "b.png cannot be read as an image"),
        (True, {"a.png": "L", "a.bmp": "L"}, "differ in their suffixes alone"),
    ],
)
def test_what_cannot_be_translated_is_one_sentence_and_writes_nothing(able, files, sentence, runs, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name, mode in files.items():
        if mode is None:
            (folder / name).write_text("no picture")
        else:
            Image.new(mode, (6, 6)).save(folder / name)
    with pytest.raises(UserError, match=sentence) as error:
        command(runs[able], folder, tmp_path / "out")
    assert "\n" not in str(error.value) and not (tmp_path / "out").exists()
    with pytest.raises(UserError, match="there is no folder"):
        command(runs[True], tmp_path / "none", tmp_path / "out")


def test_pictures_are_not_written_over(runs, tmp_path):
    Image.new("L", (6, 6), 200).save(tmp_path / "a.png")
    with pytest.raises(UserError, match="is the folder of the pictures themselves"):
        command(runs[True], tmp_path, tmp_path)
