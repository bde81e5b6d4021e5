"""CLIP's text encoder: states and vectors of transformers, both forms of the end token, no later token seen."""

import functools

import jax
import numpy as np
import pytest

from deeplearn.models.clip_text import clip_text_vit_l_14
from tests.weights.text_encoders import (
    CLOSE,
    assert_padding_means_nothing,
    assert_parity,
    golden,
    parameter_count,
    seen_from,
)

NAMES = ("clip_text", "clip")  # the end token by its number, and as the largest number


@pytest.mark.parametrize("name", NAMES)
def test_states_are_those_of_transformers(name):
    assert_parity(name)


@pytest.mark.parametrize("name", NAMES)
def test_vectors_are_those_of_transformers(name):
    module, variables, expected = golden(name)
    assert (module.end is None) == (name == "clip")
    for method in ("at_end", "vectors"):
        apply = jax.jit(lambda *batch, method=method: module.apply(variables, *batch, method=method))
        found = apply(expected["tokens"], expected["lengths"])
        np.testing.assert_allclose(found, expected[method], atol=CLOSE, rtol=CLOSE)


def test_without_a_projection_the_vector_is_the_state_at_the_end():
    module, variables, expected = golden("clip_text")
    params = {name: tree for name, tree in variables["params"].items() if name != "text_projection"}
    apply = jax.jit(functools.partial(module.clone(projection=0).apply, method="vectors"))
    found = apply({"params": params}, expected["tokens"], expected["lengths"])
    np.testing.assert_allclose(found, expected["at_end"], atol=CLOSE, rtol=CLOSE)


def test_no_state_depends_on_a_later_token():
    assert seen_from("clip", 9).tolist() == [False] * 9 + [True] * 3


def test_padding_means_nothing():
    assert_padding_means_nothing("clip")


def test_the_published_count():
    """123,060,480 without the projection, which has 768²."""
    assert parameter_count(clip_text_vit_l_14(), "vectors") == 123_060_480 + 768**2
