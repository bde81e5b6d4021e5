"""GPT-2: the states and logits of transformers, no later token seen, token by token the same, published sizes."""

import jax
import numpy as np

from deeplearn.models.gpt2 import gpt2
from tests.weights.text_encoders import (
    CLOSE,
    assert_padding_means_nothing,
    assert_parity,
    golden,
    inside,
    parameter_count,
    seen_from,
    states,
)


def test_states_are_those_of_transformers():
    assert_parity("gpt2")


def test_logits_are_those_of_transformers():
    module, variables, expected = golden("gpt2")
    logits = module.apply(variables, states("gpt2"), method="logits")
    within = inside("gpt2")
    np.testing.assert_allclose(logits[within], expected["logits"][within], atol=CLOSE, rtol=CLOSE)


def test_no_state_depends_on_a_later_token():
    assert seen_from("gpt2", 9).tolist() == [False] * 9 + [True] * 15


def test_padding_means_nothing():
    assert_padding_means_nothing("gpt2")


def test_token_by_token_gives_the_states_of_the_whole():
    module, variables, expected = golden("gpt2")

    @jax.jit
    def step(cache, tokens):
        return module.apply(variables | cache, tokens, decode=True, mutable=["cache"])

    parts, cache = [], {}
    for first, last in ((0, 4), (4, 5), (5, 6)):
        found, cache = step(cache, expected["tokens"][:1, first:last])
        parts.append(found)
    np.testing.assert_allclose(np.concatenate(parts, 1)[0], states("gpt2")[0, :6], atol=1e-5)


def test_the_published_count():
    assert parameter_count(gpt2("small")) == 124_439_808
