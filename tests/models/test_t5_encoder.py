"""T5's encoder, first form and version 1.1: the states of transformers, no padding seen, the published size."""

import pytest

from deeplearn.models.t5_encoder import t5_base_encoder
from tests.weights.text_encoders import (
    assert_padding_means_nothing,
    assert_parity,
    golden,
    parameter_count,
    seen_from,
)


@pytest.mark.parametrize("name", ["t5", "t5_gated"])
def test_states_are_those_of_transformers(name):
    assert_parity(name)
    assert golden(name)[0].gated == (name == "t5_gated")


def test_padding_means_nothing():
    assert_padding_means_nothing("t5")


def test_every_token_sees_every_other():
    assert seen_from("t5", 20).all()


def test_the_published_count():
    assert parameter_count(t5_base_encoder()) == 109_628_544
