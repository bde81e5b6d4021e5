"""BERT and those of its plan: the states and logits of transformers, no padding seen, the published size."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.models.bert import Bert, bert_base
from deeplearn.weights.files import read_tensors
from tests.weights.text_encoders import (
    CLOSE,
    FOLDERS,
    assert_padding_means_nothing,
    assert_parity,
    golden,
    inside,
    parameter_count,
    seen_from,
)

NAMES = ("bert", "minilm", "roberta", "distilbert")  # with gelu, its approximation, relu and gelu


@pytest.mark.parametrize("name", NAMES)
def test_states_are_those_of_transformers(name):
    assert_parity(name)


def test_padding_means_nothing():
    assert_padding_means_nothing("bert")


def test_every_token_sees_every_other():
    assert seen_from("bert", 20).all()


def test_segments_and_logits_are_those_of_transformers():
    module, variables, expected = golden("bert")
    head = {
        name.removeprefix("cls.predictions."): x
        for name, x in read_tensors(FOLDERS / "bert" / "model.safetensors").items()
    }
    params = variables["params"] | {
        "transform": {"kernel": head["transform.dense.weight"].T, "bias": head["transform.dense.bias"]},
        "transform_norm": {
            "scale": head["transform.LayerNorm.weight"],
            "bias": head["transform.LayerNorm.bias"],
        },
        "output_bias": {"bias": head["bias"]},
    }

    @jax.jit
    def logits(tokens, lengths, segment):
        states = module.apply({"params": params}, tokens, lengths, segment)
        return states, module.apply({"params": params}, states, method="logits")

    found = logits(*(expected[name] for name in ("tokens", "lengths", "segment")))
    for ours, theirs in zip(found, ("hidden_segment", "logits"), strict=True):
        np.testing.assert_allclose(ours[inside("bert")], expected[theirs][inside("bert")], atol=CLOSE, rtol=CLOSE)


def test_a_head_can_be_trained_on_it_with_dropout():
    bert = Bert(20, 8, 1, 2, 12, length=6, dropout=0.5)
    tokens, lengths = jnp.arange(6)[None], jnp.array([6])

    def logits(bert, train):
        return bert.logits(bert(tokens, lengths, train=train))

    @jax.jit
    def run(key):
        variables = bert.init(key, False, method=logits)
        dropped = bert.apply(variables, True, method=logits, rngs={"dropout": key})
        return variables, bert.apply(variables, False, method=logits), dropped

    variables, plain, dropped = run(jax.random.key(0))
    assert variables["params"]["output_bias"]["bias"].shape == (20,)
    assert plain.shape == (1, 6, 20)
    assert not np.allclose(plain, dropped)


def test_the_published_count():
    """109,482,240 in the library, with a pooler, a dense layer of 768 that ours does not have."""
    assert parameter_count(bert_base()) + 769 * 768 == 109_482_240


def test_too_long_a_text_is_refused():
    module, variables, _ = golden("bert")
    with pytest.raises(AssertionError, match="25 positions, more than the 24 that are learned"):
        module.apply(variables, jnp.zeros((1, 25), jnp.int32), jnp.array([25]))
