"""Priors over codes: no place sees a later one, and what is drawn is what they say."""

import types

import jax
import numpy as np
import pytest

from deeplearn.models.code_prior import PRIORS, CodeModel, code_prior
from deeplearn.models.pixelcnn import PixelCNN

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)
GRIDS = {1: ((3, 4),), 2: ((2, 2), (4, 4))}


def made(kind, levels):
    prior = code_prior(kind, types.SimpleNamespace(codes=5, grids=GRIDS[levels]), 8, 2)
    tokens = sum(h * w for h, w in GRIDS[levels])
    codes = RNG.integers(5, size=(2, tokens)).astype(np.int32)
    variables = prior.init(KEY, codes)
    noisy = jax.tree.map(lambda x: x + 0.3 * RNG.normal(size=x.shape).astype(np.float32), variables)
    return prior, noisy, codes


@pytest.mark.parametrize("kind", PRIORS)
@pytest.mark.parametrize("levels", [1, 2])
def test_a_place_sees_those_before_it_and_none_after(kind, levels):
    prior, variables, codes = made(kind, levels)
    apply = jax.jit(prior.apply)
    before = np.asarray(apply(variables, codes))
    assert before.shape == (*codes.shape, 5)
    seen = np.zeros((codes.shape[1],) * 2, bool)
    for place in range(codes.shape[1]):
        changed = codes.copy()
        changed[:, place] = (changed[:, place] + 1) % 5
        moved = np.abs(np.asarray(apply(variables, changed)) - before).max((0, 2)) > 1e-6
        assert not moved[: place + 1].any()
        seen[place] = moved
    assert seen[0].any()
    if kind == "transformer":  # which sees everything before
        assert seen[np.triu_indices(codes.shape[1], 1)].all()


def test_a_pixelcnn_of_enough_layers_has_no_blind_spot():
    """Van den Oord et al. 2016, section 2.2: one stack of masked windows would not see up and to the right."""
    net, codes = PixelCNN(5, 8, 5), RNG.integers(5, size=(1, 5, 5)).astype(np.int32)
    variables = net.init(KEY, codes)
    variables = jax.tree.map(lambda x: x + 0.3 * RNG.normal(size=x.shape).astype(np.float32), variables)
    before = np.asarray(net.apply(variables, codes))
    for row, column in ((0, 4), (1, 4), (2, 4), (3, 0)):
        changed = codes.copy()
        changed[0, row, column] = (changed[0, row, column] + 1) % 5
        after = np.asarray(net.apply(variables, changed))
        assert np.abs(after - before)[0, 3, 2].max() > 1e-6, (row, column)


@pytest.mark.parametrize("kind", PRIORS)
def test_what_is_drawn_greedily_is_the_likeliest_at_every_place(kind):
    prior, variables, codes = made(kind, 2)
    drawn = np.asarray(prior.apply(variables, 3, 0.0, method="draw", rngs={"noise": KEY}))
    assert drawn.shape == (3, codes.shape[1])
    np.testing.assert_array_equal(np.asarray(prior.apply(variables, drawn)).argmax(-1), drawn)


def test_what_is_drawn_at_random_has_the_probabilities():
    prior, variables, _ = made("transformer", 1)
    drawn = np.asarray(prior.apply(variables, 3000, method="draw", rngs={"noise": KEY}))
    first = jax.nn.softmax(prior.apply(variables, drawn[:1])[0, 0])
    found = np.bincount(drawn[:, 0], minlength=5) / 3000
    np.testing.assert_allclose(found, first, atol=0.04)


def test_code_and_prior_are_one_model():
    assert set(CodeModel.__dataclass_fields__) >= {"code", "prior"}
