"""config.json as a network: the library's defaults, its forms, and a sentence for what makes no sense."""

import json
import re
from pathlib import Path

import pytest

from deeplearn.errors import UserError
from deeplearn.models.bert import bert_base
from deeplearn.models.clip_text import ClipText
from deeplearn.models.gpt2 import gpt2
from deeplearn.weights.transformers_config import described
from tests.weights.text_encoders import FOLDERS

FILE = Path("folder/config.json")


def config(name, **changed):
    return json.loads((FOLDERS / name / "config.json").read_text()) | changed


def test_defaults_are_the_library_s():
    assert described({"model_type": "bert"}, FILE).module == bert_base()
    assert described({"model_type": "gpt2"}, FILE).module == gpt2()
    assert described({"model_type": "clip"}, FILE).module == ClipText(49408, end=49407)


@pytest.mark.parametrize("kind", ["roberta", "xlm-roberta"])
def test_roberta_s_positions_begin_behind_the_padding_s(kind):
    found = described(config("roberta", model_type=kind, pad_token_id=3), FILE)
    assert (found.longest, found.module.length, found.names.first_position) == (22, 22, 4)


def test_how_texts_are_usually_pooled():
    pools = {name: described(config(name), FILE).pool for name in ("bert", "gpt2", "t5", "clip_text")}
    assert pools == {"bert": "mean", "gpt2": "last", "t5": "mean", "clip_text": "last"}


@pytest.mark.parametrize(
    ("proj", "activation", "gated"),
    [("relu", "relu", False), ("gated-gelu", "gelu_tanh", True), ("gated-silu", "silu", True)],
)
def test_t5_s_feed_forward_networks(proj, activation, gated):
    module = described(config("t5", feed_forward_proj=proj), FILE).module
    assert (module.activation, module.gated) == (activation, gated)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([], "folder/config.json does not say what network it describes"),
        ({"experiment": "x"}, "does not say what network it describes"),
        (config("bert", model_type="llama"), "a network of the kind 'llama': known here are bert, roberta, "),
        (config("bert", hidden_size="8"), "hidden_size='8': it should be a whole number from 1"),
        (config("bert", num_hidden_layers=True), "num_hidden_layers=True"),
        (config("bert", vocab_size=2**40), "vocab_size=1099511627776: it should be a whole number from 1 to"),
        (config("bert", num_attention_heads=3), "num_attention_heads=3: it should be a divisor of the width 8"),
        (config("bert", hidden_act="mish"), "hidden_act='mish': it should be one of gelu,"),
        (config("bert", hidden_act=["gelu"]), r"hidden_act=['gelu']"),
        (config("bert", layer_norm_eps=None), "layer_norm_eps=None: it should be a small number"),
        (config("bert", position_embedding_type="relative_key"), "position_embedding_type='relative_key'"),
        (
            config("roberta", max_position_embeddings=2),
            "max_position_embeddings=2: it should be a whole number from 3",
        ),
        (config("gpt2", scale_attn_by_inverse_layer_idx=True), "it should be False, the one form that is known"),
        (config("t5", relative_attention_max_distance=1), "relative_attention_max_distance=1"),
        (config("t5", feed_forward_proj="gated-mish"), "feed_forward_proj='gated-mish'"),
        (config("clip", text_config=3), "text_config=3"),
    ],
)
def test_what_makes_no_sense_is_said(values, says):
    with pytest.raises(UserError, match=re.escape(says)):
        described(values, FILE)
