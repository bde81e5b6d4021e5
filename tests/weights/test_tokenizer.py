"""Tokenizers in all the files that folders have: the tokens of transformers, cutting, a sentence for damage."""

import json
from pathlib import Path

import pytest

from deeplearn.errors import UserError
from deeplearn.weights.tokenizer import encode, read_tokenizer
from tests.weights.text_encoders import FOLDERS

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "text_tokenizers.json").read_text())


def written(folder, kind):
    for name, content in GOLDEN[kind]["files"].items():
        (folder / name).write_text(content, encoding="utf-8")
    return folder


@pytest.mark.parametrize("kind", GOLDEN)
def test_tokens_of_older_files_are_those_of_transformers(tmp_path, kind):
    tokenizer, files = read_tokenizer(written(tmp_path, kind), kind)
    found, cut = encode(tokenizer, 512, False, GOLDEN[kind]["texts"])
    assert [one.tolist() for one in found] == GOLDEN[kind]["ids"]
    assert cut == 0
    assert {file.name for file in files} == set(GOLDEN[kind]["files"])


def test_case_is_kept_where_the_configuration_says_so(tmp_path):
    written(tmp_path, "bert")
    (tmp_path / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    tokenizer, _ = read_tokenizer(tmp_path, "bert")
    upper, lower = encode(tokenizer, 9, False, ["THE", "the"])[0]
    assert upper.tolist()[1] == 1  # unknown
    assert encode(tokenizer, 9, True, ["THE"])[0][0].tolist() == lower.tolist()


def test_what_a_file_says_of_cutting_and_padding_is_not_heeded():
    """The golden one cuts to 5 tokens and pads to 7."""
    tokenizer, _ = read_tokenizer(FOLDERS / "minilm", "bert")
    found, cut = encode(tokenizer, 6, False, ["the cat", "the cat sleeps on the red mat", "\ud800"])
    assert [len(one) for one in found] == [4, 6, 3]
    assert (found[1][0], found[1][-1], cut) == (2, 3, 1)  # both ends stay


@pytest.mark.parametrize(
    ("kind", "name", "content", "says"),
    [
        ("bert", "tokenizer.json", "{}", "tokenizer.json is no tokenizer, or a damaged one"),
        ("gpt2", "vocab.json", "{", "vocab.json is no tokenizer, or a damaged one"),
        ("clip", "vocab.json", '{"a": 0}', "vocab.json is no tokenizer, or a damaged one"),
        ("bert", "tokenizer_config.json", "3", "tokenizer_config.json should hold one JSON object"),
    ],
)
def test_a_damaged_one_is_said(tmp_path, kind, name, content, says):
    (written(tmp_path, kind) / name).write_text(content)
    with pytest.raises(UserError, match=says):
        read_tokenizer(tmp_path, kind)


def test_none_is_said_with_what_would_do(tmp_path):
    with pytest.raises(UserError, match=r"for a model of the kind t5: it should have tokenizer.json$"):
        read_tokenizer(tmp_path, "t5")
    with pytest.raises(UserError, match=r"it should have tokenizer.json or vocab.json with merges.txt$"):
        read_tokenizer(tmp_path, "clip_text_model")


def test_a_length_that_the_ends_alone_take_is_one_sentence():
    tokenizer, _ = read_tokenizer(FOLDERS / "minilm", "bert")
    with pytest.raises(UserError, match="reads 2 tokens of a text, and its tokenizer puts 2 at the ends"):
        encode(tokenizer, 2, False, ["a b c"])
    assert len(encode(tokenizer, 3, False, ["a b c"])[0][0]) == 3
