"""modules.json of sentence-transformers: pooling in both its forms, normalisation, layers that are not known."""

import json

import pytest

from deeplearn.errors import UserError
from deeplearn.weights.sentence_transformers import read_modules

KIND = "sentence_transformers.models."


def written(folder, kinds, pooling=None):
    modules = [{"idx": i, "path": path, "type": f"{KIND}{kind}"} for i, (kind, path) in enumerate(kinds.items())]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    if pooling is not None:
        (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    return folder


def test_a_folder_without_it_says_nothing(tmp_path):
    assert read_modules(tmp_path) == ("", None, False, ())


@pytest.mark.parametrize(
    ("pooling", "pool"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False, "word_embedding_dimension": 8}, "cls"),
        ({"pooling_mode_mean_tokens": True, "include_prompt": True}, "mean"),
        ({"pooling_mode_lasttoken": True}, "last"),
        ({"pooling_mode": "lasttoken", "embedding_dimension": 8}, "last"),
        ({"pooling_mode": "mean"}, "mean"),
    ],
)
def test_pooling_and_normalisation(tmp_path, pooling, pool):
    folder = written(tmp_path, {"Transformer": "0_T", "Pooling": "1_Pooling"}, pooling)
    found = read_modules(folder)
    assert found == ("0_T", pool, False, (folder / "modules.json", folder / "1_Pooling" / "config.json"))


def test_vectors_of_length_one(tmp_path):
    assert read_modules(written(tmp_path, {"Transformer": "", "Normalize": "2"})).normalize


@pytest.mark.parametrize(
    ("kinds", "pooling", "says"),
    [
        ({"Dense": "2_Dense"}, None, "has the layer 'Dense': known are Transformer, Pooling and Normalize"),
        ({"Pooling": "1_Pooling"}, None, "there is no .*config.json, which would say how states are pooled"),
        ({"Pooling": "1_Pooling"}, {"pooling_mode_max_tokens": True}, "pools by pooling_mode_max_tokens"),
        (
            {"Pooling": "1_Pooling"},
            {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True},
            "pools by pooling_mode_cls_token, pooling_mode_mean_tokens: known is one of",
        ),
        ({"Pooling": "1_Pooling"}, {"pooling_mode": ["mean"]}, "pools by"),
        ({"Pooling": "1_Pooling"}, {}, "pools by nothing"),
        ({"Transformer": "../other"}, None, "names the place '../other', which is not in its folder"),
    ],
)
def test_what_is_not_known_is_said(tmp_path, kinds, pooling, says):
    with pytest.raises(UserError, match=says):
        read_modules(written(tmp_path, kinds, pooling))


@pytest.mark.parametrize("content", ["{}", "[3]", '[{"type": "x"}]', '[{"type": 1, "path": ""}]'])
def test_a_list_of_something_else(tmp_path, content):
    (tmp_path / "modules.json").write_text(content)
    with pytest.raises(UserError, match="does not list modules"):
        read_modules(tmp_path)


def test_a_prompt_before_each_text_is_not_known(tmp_path):
    written(tmp_path, {"Transformer": ""})
    file = tmp_path / "config_sentence_transformers.json"
    file.write_text(json.dumps({"prompts": {"query": "query: "}, "default_prompt_name": None}))
    assert read_modules(tmp_path).files[-1] == file
    file.write_text(json.dumps({"prompts": {"query": "query: "}, "default_prompt_name": "query"}))
    with pytest.raises(UserError, match="puts the prompt 'query' before each text"):
        read_modules(tmp_path)
