"""Names and layouts of transformers' tensors: what is missing, left over, of another shape or by an older name."""

import re
from pathlib import Path

import flax
import jax
import numpy as np
import pytest

from deeplearn.errors import UserError
from deeplearn.weights import transformers_names as names
from deeplearn.weights.files import read_tensors
from tests.weights.text_encoders import FOLDERS, golden

SOURCE = Path("folder/model.safetensors")
TABLES = {"bert": names.BERT, "gpt2": names.GPT2, "t5": names.T5, "clip": names.CLIP_TEXT}


def convert(name, change=lambda tensors: tensors):
    tensors = change(read_tensors(FOLDERS / name / "model.safetensors"))
    shapes = jax.eval_shape(lambda: golden(name)[1])
    return names.converted(shapes, TABLES[name], tensors, SOURCE)


def assert_as_before(name, change):
    """The variables are those of the golden folder, which are tested by what the network gives."""
    found, expected = (flax.traverse_util.flatten_dict(tree) for tree in (convert(name, change), golden(name)[1]))
    assert found.keys() == expected.keys()
    for path in expected:
        np.testing.assert_array_equal(found[path], expected[path])


def test_a_file_of_the_part_alone_and_with_the_library_s_spare_tensors():
    def alone(tensors):
        part = {name.removeprefix("transformer."): value for name, value in tensors.items()}
        return part | {"h.0.attn.bias": np.ones((1, 1, 4, 4)), "lm_head.weight": part["wte.weight"]}

    assert_as_before("gpt2", alone)


def test_older_names():
    def older(tensors):
        old = {name.replace("Norm.weight", "Norm.gamma"): value for name, value in tensors.items()}
        return {name.replace("Norm.bias", "Norm.beta"): value for name, value in old.items()}

    assert any("gamma" in name for name in older(read_tensors(FOLDERS / "bert" / "model.safetensors")))
    assert_as_before("bert", older)


def test_t5_s_embedding_by_its_other_name():
    def other(tensors):
        rest = {name: value for name, value in tensors.items() if name != "shared.weight"}
        return rest | {"encoder.embed_tokens.weight": tensors["shared.weight"]}

    assert_as_before("t5", other)


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        (
            "bert",
            lambda t: {n: x for n, x in t.items() if "query.bias" not in n},
            "it lacks bert.encoder.layer.0.attention.self.query.bias, bert.encoder.layer.1.",
        ),
        (
            "bert",
            lambda t: t | {"bert.encoder.layer.2.output.dense.bias": np.ones(8, np.float32)},
            "it has bert.encoder.layer.2.output.dense.bias",
        ),
        (
            "clip",
            lambda t: t | {"text_model.final_layer_norm.bias": np.ones(9, np.float32)},
            "text_model.final_layer_norm.bias in folder/model.safetensors has the shape [9], which is not what the "
            "config.json beside it says: our decoder/norm/bias is [8]",
        ),
        (
            "gpt2",
            lambda t: t | {"transformer.h.0.attn.c_attn.bias": np.ones(25, np.float32)},
            "transformer.h.0.attn.c_attn.bias in folder/model.safetensors has the shape [25]",
        ),
        (
            "bert",
            lambda t: t | {"bert.embeddings.LayerNorm.bias": np.full(8, np.nan, np.float32)},
            "8 of the 8 values of bert.embeddings.LayerNorm.bias in folder/model.safetensors are not finite",
        ),
        (
            "bert",
            lambda t: t | {"bert.embeddings.position_embeddings.weight": np.array(1, np.float32)},
            "bert.embeddings.position_embeddings.weight in folder/model.safetensors has the shape []",
        ),
        ("bert", lambda t: {"conv1.weight": np.ones(3)}, "lacks embeddings.LayerNorm.bias"),
    ],
)
def test_what_does_not_fit_is_said(name, change, says):
    with pytest.raises(UserError, match=re.escape(says)):
        convert(name, change)
