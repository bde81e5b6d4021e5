"""Texts to states and vectors: those of transformers, whatever the batch; cut with a note; pooled as is asked."""

import numpy as np
import pytest

from deeplearn.embed.text_encoder import POOLS, TextEncoder
from deeplearn.errors import UserError
from deeplearn.metrics.closeness import unit
from tests.weights.text_encoders import CLOSE, FOLDERS, golden

TEXTS = golden("minilm")[2]["texts"].tolist()


@pytest.fixture(scope="module")
def encoder():
    return TextEncoder.open(FOLDERS / "minilm")


@pytest.mark.parametrize("batch_size", [3, 32])
def test_vectors_are_those_of_transformers_in_any_batches(encoder, batch_size, capsys):
    """One text is cut to 11 tokens, as sentence_bert_config.json says."""
    done = []
    found = encoder.vectors(TEXTS, batch_size, done.append)
    np.testing.assert_allclose(found, golden("minilm")[2]["vectors"], atol=CLOSE)
    assert done[-1] == len(TEXTS)
    assert "note: 1 of 4 texts are longer than 11 tokens" in capsys.readouterr().err


def test_states_pool_to_the_vectors(encoder):
    states, lengths = encoder.states(TEXTS, 3)
    assert states.shape == (4, 11, 8)
    assert lengths.max() == 11
    for state, length, vector in zip(states, lengths, golden("minilm")[2]["vectors"], strict=True):
        np.testing.assert_allclose(unit(state[:length].mean(0)[None])[0], vector, atol=CLOSE)
        assert (state[length:] == 0).all()


def test_other_pooling(encoder):
    states, lengths = encoder.states(TEXTS)
    for pool, place in (("cls", np.zeros(4, int)), ("last", lengths - 1)):
        found = TextEncoder(encoder.source, pool).vectors(TEXTS)
        np.testing.assert_allclose(found, unit(states[np.arange(4), place]), atol=CLOSE)
    with pytest.raises(UserError, match=f"no pooling 'max': there are {', '.join(POOLS)}"):
        TextEncoder(encoder.source, "max")


class Stub:
    """What stands for a folder's source: a tokenizer that gives these tokens to any texts."""

    def __init__(self, name, tokens):
        self.module, self.variables, expected = golden(name)
        self.tokens, self.pool, self.normalize, self.longest = tokens, "last", False, self.module.length
        self.expected = expected

    def encode(self, texts):
        return [np.asarray(one, np.int32) for one in self.tokens], 0


def test_clip_s_last_is_its_projection():
    expected = golden("clip")[2]
    rows = [tokens[:length] for tokens, length in zip(expected["tokens"], expected["lengths"], strict=True)]
    found = TextEncoder(Stub("clip", rows)).vectors([""] * 4)
    np.testing.assert_allclose(found, expected["vectors"], atol=CLOSE)


@pytest.mark.parametrize(
    ("tokens", "says"),
    [
        ([[3], []], "the text 'b' has no tokens, so it has no vector"),
        ([[3], [40]], "a token of 'b' 40, but the network knows only 40: they are not of one model"),
    ],
)
def test_what_the_network_cannot_read_is_said(tokens, says):
    with pytest.raises(UserError, match=says):
        TextEncoder(Stub("gpt2", tokens)).vectors(["a", "b"])


def test_vectors_that_are_not_finite_are_refused():
    stub = Stub("gpt2", [[3]])
    params = stub.variables["params"]
    stub.variables = {"params": params | {"embedding": {"embedding": params["embedding"]["embedding"] * np.inf}}}
    with pytest.raises(UserError, match="some vectors are not finite"):
        TextEncoder(stub).vectors(["a"])
