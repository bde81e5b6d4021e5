"""Folders of transformers: every form of the weights, what an encoder's files say, a sentence for each fault."""

import json
import shutil
from pathlib import Path

import jax
import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from deeplearn.errors import UserError
from deeplearn.weights.transformers_folder import open_folder, read_network
from tests.weights.text_encoders import FOLDERS, golden
from tests.weights.torch_files import torch_save


def copied(tmp_path, name="minilm"):
    return Path(shutil.copytree(FOLDERS / name, tmp_path / name))


def same(found, name="minilm", **tolerance):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, **tolerance), found, golden(name)[1])


def test_a_sentence_encoder_is_what_its_files_say():
    found = open_folder(FOLDERS / "minilm")
    same(found.variables, rtol=0)
    assert (found.kind, found.pool, found.normalize, found.longest) == ("bert", "mean", True, 11)


def test_shards(tmp_path):
    folder = copied(tmp_path)
    tensors = load_file(folder / "model.safetensors")
    files = {name: f"model-0000{1 + (i % 2)}-of-00002.safetensors" for i, name in enumerate(tensors)}
    for file in set(files.values()):
        save_file({name: x for name, x in tensors.items() if files[name] == file}, folder / file)
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": files}))
    same(read_network(folder).variables, rtol=0)
    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(UserError, match=r"cannot read the weights .*model-00002-of-00002.safetensors"):
        read_network(folder)


def test_torch_s_file(tmp_path, monkeypatch):
    folder = copied(tmp_path)
    torch_save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin", monkeypatch)
    (folder / "model.safetensors").unlink()
    same(read_network(folder).variables, rtol=0)


def test_half_precision(tmp_path):
    folder = copied(tmp_path)
    tensors = load_file(folder / "model.safetensors")
    save_file({name: x.astype(ml_dtypes.bfloat16) for name, x in tensors.items()}, folder / "model.safetensors")
    same(read_network(folder).variables, rtol=2**-8)


def test_a_clip_text_encoder_without_a_projection(tmp_path):
    folder = copied(tmp_path, "clip_text")
    tensors = load_file(folder / "model.safetensors")
    save_file({n: x for n, x in tensors.items() if n != "text_projection.weight"}, folder / "model.safetensors")
    found = read_network(folder)
    assert found.module.projection == 0
    assert "text_projection" not in found.variables["params"]


def test_the_transformer_may_lie_in_a_folder_of_its_own(tmp_path):
    folder = copied(tmp_path)
    (folder / "0_Transformer").mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json", "sentence_bert_config.json"):
        (folder / name).rename(folder / "0_Transformer" / name)
    modules = json.loads((folder / "modules.json").read_text())
    modules[0]["path"] = "0_Transformer"
    (folder / "modules.json").write_text(json.dumps(modules))
    assert open_folder(folder).longest == 11


def test_the_fingerprint_is_of_contents_alone(tmp_path):
    found = open_folder(FOLDERS / "minilm").fingerprint
    folder = copied(tmp_path)
    assert open_folder(folder).fingerprint == found
    (folder / "README.md").write_text("words")
    assert open_folder(folder).fingerprint == found
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 5}')
    assert open_folder(folder).fingerprint != found


def edited(name, content):
    def edit(folder):
        (folder / name).write_text(content)

    return edit


def cut_short(folder):
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda folder: shutil.rmtree(folder), "there is no folder"),
        (
            lambda folder: (folder / "config.json").unlink(),
            r"there is no .*config.json, which would say what network",
        ),
        (
            lambda folder: (folder / "model.safetensors").unlink(),
            "has no weights: it should have model.safetensors or",
        ),
        (lambda folder: (folder / "tokenizer.json").unlink(), "has no tokenizer for a model of the kind bert"),
        (cut_short, "model.safetensors is a safetensors file that is damaged or cut short"),
        (edited("config.json", "{"), "config.json cannot be read as JSON"),
        (edited("config.json", "[]"), "config.json should hold one JSON object"),
        (edited("config.json", '{"model_type": "mamba"}'), "a network of the kind 'mamba': known here are bert"),
        (
            edited("config.json", '{"model_type": "bert", "num_hidden_layers": 9999}'),
            "has 39 tensors, too few for the 9999 layers",
        ),
        (edited("config.json", '{"model_type": "bert", "num_hidden_layers": 2}'), "has the shape"),
        (edited("sentence_bert_config.json", "3"), "sentence_bert_config.json should hold one JSON object"),
    ],
)
def test_each_fault_is_one_sentence(tmp_path, edit, says):
    folder = copied(tmp_path)
    edit(folder)
    with pytest.raises(UserError, match=says) as error:
        open_folder(folder)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("index", "says"),
    [("{}", "has no weight_map"), ('{"weight_map": {"a": "../x"}}', "names '../x', which is not a file beside it")],
)
def test_an_index_that_makes_no_sense(tmp_path, index, says):
    folder = copied(tmp_path)
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(index)
    with pytest.raises(UserError, match=says):
        read_network(folder)
