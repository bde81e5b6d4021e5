"""A sentence finds pictures in a folder, by a CLIP folder of transformers or by a run; one for each mistake."""

import dataclasses
import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from deeplearn import data, runs
from deeplearn.command import exit_code
from deeplearn.measured import ours
from deeplearn.models.clip import Clip
from deeplearn.models.dalle import Dalle
from deeplearn.models.unclip import Unclip
from deeplearn.text_to_image.captions import asked
from deeplearn.text_to_image.search import clip_of, main
from deeplearn.train.experiment import nothing
from deeplearn.train.loop import run
from deeplearn.weights.clip_folder import open_clip_pictures
from experiments.text_to_image import clip
from tests.experiments.pretend import pretend
from tests.weights.text_encoders import FOLDERS, golden

WORDS = ["a", "cat", "dog", "ship", "sea", "red"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The golden CLIP folder, with a tokenizer."""
    found = tmp_path_factory.mktemp("weights") / "clip"
    shutil.copytree(FOLDERS / "clip", found)
    vocabulary = {word: number for number, word in enumerate(WORDS)} | {"<begin>": 37, "<end>": 38}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="a"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.RobertaProcessing(("<end>", 38), ("<begin>", 37), add_prefix_space=False)
    tokenizer.save(str(found / "tokenizer.json"))
    return found


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The directory of a tiny run of the page."""
    directory = tmp_path_factory.mktemp("runs") / "clip"

    def build(config, dataset):
        without = {"evaluate": lambda *_: ours({"steps": 1}), "baselines": nothing, "figures": nothing}
        return dataclasses.replace(clip.build(config, dataset), **without, sheet=None, claims=())

    settings = clip.Config(**clip.Config.TINY, steps=1, batch_size=4, workdir=str(directory))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "load", lambda name, _: pretend(name))
        run(clip.__name__, build, settings, {"module": clip.__name__})
    return directory


@pytest.fixture
def pictures(tmp_path):
    """A folder of five pictures, one of them further down, and {name: pixels}."""
    rng, found = np.random.default_rng(0), {}
    for name in ("a.png", "b.png", "c.png", "d.png", "below/e.png"):
        file = tmp_path / "pictures" / name
        file.parent.mkdir(exist_ok=True, parents=True)
        found[name] = rng.integers(256, size=(16, 16, 3), dtype=np.uint8)
        Image.fromarray(found[name]).save(file)
    return tmp_path / "pictures", found


def command(*arguments):
    return exit_code(main, [str(argument) for argument in arguments])


def order(capsys):
    return [line.split()[1] for line in capsys.readouterr().out.splitlines()[1:-1]]


def nearest(by_name, vector):
    def cosine(name):
        return by_name[name] @ vector / np.linalg.norm(by_name[name]) / np.linalg.norm(vector)

    return sorted(by_name, key=lambda name: -cosine(name))


def test_a_clip_folder(folder, pictures, tmp_path, capsys):
    """The order is that of both encoders' vectors, whose parity is tested elsewhere."""
    where, pixels = pictures
    out = tmp_path / "found.png"
    assert command(f"--weights={folder}", f"--folder={where}", "--text=red cat", f"--out={out}", "--count=9") == 0
    module, variables, _ = golden("clip")
    tokens = np.array([[37, 5, 1, 38]], np.int32)
    vector = module.apply(variables, tokens, np.array([4], np.int32), method="vectors")[0]
    found = open_clip_pictures(folder)
    each = {
        name: found.module.apply(found.variables, found.picture(Image.fromarray(one))[None], method="vectors")[0]
        for name, one in pixels.items()
    }
    assert order(capsys) == nearest(each, vector)
    with Image.open(out) as sheet:
        assert sheet.width > 5 * 180


def test_a_run(trained, pictures, tmp_path, capsys):
    where, pixels = pictures
    opened = runs.open(trained)
    word = opened.described.vocabulary.tokens[5]
    flags = (f"--weights={trained}", f"--folder={where}", f"--out={tmp_path / 'found.png'}")
    assert command(*flags, f"--text={word}") == 0
    images = np.stack(list(pixels.values())) / np.float32(255)
    each = dict(zip(pixels, np.asarray(opened.trained(Clip.images, images)), strict=True))
    vector = opened.trained(Clip.texts, *asked(word, opened.described, open_ended=False))[0]
    assert order(capsys) == nearest(each, np.asarray(vector))
    assert command(*flags, "--text=zebra") == 2
    assert "never learnt the word 'zebra'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "flags", "sentence"),
    [
        ({}, ("--text= ",), "--text is empty"),
        ({}, ("--count=0",), "--count=0 should be at least 1"),
        ({}, ("--folder=nowhere",), "there is no folder nowhere"),
        ({}, ("--weights=nowhere",), "there is no folder nowhere: name one of CLIP"),
        ({"model_type": "siglip"}, (), "a sentence finds pictures by 'clip'"),
        ({"projection_dim": 7}, (), "is [8, 7]"),
    ],
)
def test_a_mistake_is_one_sentence(folder, pictures, tmp_path, capsys, change, flags, sentence):
    other = shutil.copytree(folder, tmp_path / "other")
    config = json.loads((other / "config.json").read_text()) | change
    (other / "config.json").write_text(json.dumps(config))
    usual = (f"--weights={other}", f"--folder={pictures[0]}", "--text=cat", f"--out={tmp_path / 'x.png'}")
    assert command(*usual, *flags) == 2
    said = capsys.readouterr().err
    assert sentence in said and said.count("\n") == 1 and not (tmp_path / "x.png").exists()


def test_a_run_without_a_clip(pictures, tmp_path, capsys, monkeypatch):
    (tmp_path / "config.json").write_text('{"experiment": "foundations.mlp"}')
    monkeypatch.setattr(runs, "open", lambda _: SimpleNamespace(model=None, name="foundations.mlp"))
    assert command(f"--weights={tmp_path}", f"--folder={pictures[0]}", "--text=cat") == 2
    assert "trains no CLIP: name one of text_to_image.clip, .dalle or .dalle2" in capsys.readouterr().err


def test_the_clip_of_a_larger_system():
    clip = Clip(None, None)
    assert all(clip_of(model) is clip for model in (clip, Dalle(None, None, clip), Unclip(clip, None, None, None)))
