"""Encoders, classifiers and taggers of tokens: what they see and what they must not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.models.token_classifier import POOLINGS, Tagger, TokenClassifier, pool
from deeplearn.models.token_encoder import CELLS, UNKNOWN, TokenEncoder, alike, hashed_ngrams
from deeplearn.nn.recurrent import Recurrent

RNG = np.random.default_rng(0)
LENGTHS = np.array([5, 3, 1], np.int32)
TOKENS = RNG.integers(4, 20, (3, 5)).astype(np.int32)


def encoder(network="lstm", **fields):
    return TokenEncoder(20, network, embedding=4, features=6, windows=(2, 3), **{"ngrams": (2, 3), **fields})


@pytest.mark.parametrize(
    "network, pooling", [("lstm", "last"), ("gru", "max"), ("convolution", "max"), ("transformer", "mean")]
)
def test_neither_padding_nor_its_width_changes_anything(network, pooling):
    model = TokenClassifier(encoder(network, skip=network == "gru", buckets=50), 3, pooling)
    variables = jax.jit(model.init)(jax.random.key(0), TOKENS, LENGTHS)
    # Moved, because what begins at zero (the table of n-grams) would hide a fault.
    variables = jax.tree.map(lambda x: x + RNG.normal(scale=0.3, size=x.shape).astype(x.dtype), variables)
    apply = jax.jit(model.apply)
    logits = apply(variables, TOKENS, LENGTHS)
    inside = np.arange(5) < LENGTHS[:, None]
    wider = np.pad(np.where(inside, TOKENS, 17), ((0, 0), (0, 3)), constant_values=9)
    np.testing.assert_allclose(apply(variables, wider, LENGTHS), logits, rtol=1e-4, atol=1e-6)
    alone = apply(variables, TOKENS[1:2, :3], LENGTHS[1:2])
    np.testing.assert_allclose(alone, logits[1:2], rtol=1e-4, atol=1e-6)
    assert np.abs(np.diff(logits, axis=0)).max() > 1e-3  # and yet texts differ


def test_a_forward_tagger_sees_nothing_to_the_right_and_a_bidirectional_one_everything():
    for bidirectional in (False, True):
        model = Tagger(TokenEncoder(20, "lstm", 4, 6, 2, bidirectional), 3)
        variables = jax.jit(model.init)(jax.random.key(0), TOKENS, LENGTHS)
        apply = jax.jit(model.apply)
        logits = apply(variables, TOKENS, LENGTHS)
        changed = TOKENS.copy()
        changed[0, 3] = TOKENS[0, 3] % 16 + 4  # another token
        moved = np.abs(apply(variables, changed, LENGTHS) - logits).max(-1) > 1e-7
        assert moved[0, 3:].all() and not moved[1:].any()
        assert moved[0, :3].all() == bidirectional and moved[0, :3].any() == bidirectional


def test_pooling_is_that_of_each_text_alone():
    x = RNG.normal(size=(4, 5, 6)).astype(np.float32)
    lengths = np.array([5, 3, 1, 0], np.int32)
    for how in POOLINGS:
        found = np.asarray(pool(jnp.array(x), jnp.array(lengths), how))
        for row, length in enumerate(lengths[:3]):
            text = x[row, :length]
            expected = {"last": text[-1], "max": text.max(0), "mean": text.mean(0)}[how]
            np.testing.assert_allclose(found[row], expected, rtol=1e-5)
        assert not found[3].any()


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_the_last_state_is_that_of_the_recurrent_layers(cell):
    layers = Recurrent(CELLS[cell], 6, bidirectional=True)
    x = jnp.array(RNG.normal(size=(3, 5, 4)), jnp.float32)
    (outputs, states), _ = layers.init_with_output(jax.random.key(0), x, LENGTHS)
    ends = [CELLS[cell].hidden(state) for state in states[-1]]
    np.testing.assert_allclose(pool(outputs, LENGTHS, "last", True), np.concatenate(ends, -1), rtol=1e-6)


def test_an_ngram_has_one_bucket_wherever_it_stands():
    tokens = np.array([[7, 8, 9, 7, 8, 9, 5], [5, 7, 8, 9, 6, 0, 0]], np.int32)
    for size, place, other in ((1, 1, 2), (2, 0, 1), (3, 1, 2)):
        buckets = np.asarray(hashed_ngrams(tokens, size, 1000))
        assert buckets.shape == tokens.shape and (buckets >= 0).all() and (buckets < 1000).all()
        assert buckets[0, place] == buckets[0, place + 3] == buckets[1, other]
    # A begin and an end are part of an n-gram.
    assert hashed_ngrams(np.array([[7, 8]], np.int32), 3, 1000)[0, 0] != hashed_ngrams(tokens, 3, 1000)[0, 3]
    many = RNG.integers(4, 150, (300, 30)).astype(np.int32)
    different = len(np.unique(np.stack([many[:, :-1], many[:, 1:]], -1).reshape(-1, 2), axis=0))
    used = len(np.unique(np.asarray(hashed_ngrams(many, 2, 2**13))[:, :-1]))
    # As many buckets as balls that are thrown at random would fill.
    assert used == pytest.approx(2**13 * (1 - np.exp(-different / 2**13)), rel=0.02)


def test_training_reads_some_tokens_as_unknown_and_evaluation_none():
    model = TokenEncoder(20, "lstm", 4, 6, layers=0, unknown=0.25)
    tokens = np.full((40, 50), 9, np.int32)
    lengths = np.full(40, 50, np.int32)
    variables = model.init(jax.random.key(0), tokens, lengths)
    table = variables["params"]["embed"]["embedding"]
    seen = model.apply(variables, tokens, lengths, train=True, rngs={"dropout": jax.random.key(1)})
    unknown = np.isclose(seen, table[UNKNOWN]).all(-1)
    assert np.isclose(seen, table[9]).all(-1)[~unknown].all()
    assert unknown.mean() == pytest.approx(0.25, abs=0.04)
    assert np.isclose(model.apply(variables, tokens, lengths), table[9]).all()


def test_the_forward_lstm_has_as_many_weights():
    for features, embedding in ((64, 32), (300, 50), (1, 1)):
        units = alike(features, embedding)
        both = 2 * 4 * features * (embedding + features + 1)
        forward = 4 * units * (embedding + units + 1)
        assert both <= forward < both * (1 + 3 / units)
