"""Positions: the papers' formulas in numpy, and what rotary positions are for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.nn.positions import LearnedPositions, SinusoidalPositions, rotate, sinusoids
from tests.nn.layer_checks import normal


def test_sinusoids_are_the_paper_s():
    positions, expected = np.array([0, 1, 7, 300]), np.zeros((4, 6))
    for p, i in np.ndindex(4, 3):
        angle = positions[p] / 10000 ** (2 * i / 6)
        expected[p, 2 * i], expected[p, 2 * i + 1] = np.sin(angle), np.cos(angle)
    np.testing.assert_allclose(sinusoids(positions, 6), expected, atol=1e-4)


def test_rotary_positions_multiply_complex_numbers():
    x, positions = normal(0, 2, 5, 3, 8), np.array([0, 1, 2, 50, 3])
    turned = x.astype(np.float64).view(np.complex128)  # pairs of neighbours
    for p, i in np.ndindex(5, 4):
        turned[:, p, :, i] *= np.exp(1j * positions[p] * 10000 ** (-2 * i / 8))
    np.testing.assert_allclose(rotate(x, positions), turned.view(np.float64), atol=1e-5)
    assert rotate(x.astype(jnp.bfloat16), positions).dtype == jnp.bfloat16


def test_rotary_scores_depend_on_the_distance_only():
    query, key = normal(0, 1, 1, 2, 8), normal(1, 1, 1, 2, 8)

    def score(m, n):
        return (rotate(query, np.array([m])) * rotate(key, np.array([n]))).sum(-1).ravel()

    for m, n in ((3, 0), (0, 4), (2, 2)):
        np.testing.assert_allclose(score(m, n), score(m + 40, n + 40), rtol=1e-4, atol=1e-4)
    assert np.abs(score(3, 0) - score(0, 3)).min() > 1e-2
    assert np.abs(score(3, 0) - score(4, 0)).min() > 1e-2


@pytest.mark.parametrize("name", ["learned", "sinusoidal"])
def test_positions_are_added_and_counted_on_in_decoding(name):
    module, x = {"learned": LearnedPositions(6), "sinusoidal": SinusoidalPositions()}[name], normal(0, 2, 6, 4)
    table = normal(1, 6, 4) if name == "learned" else np.asarray(sinusoids(np.arange(6), 4))
    variables = {"params": {"table": table}} if name == "learned" else {}
    np.testing.assert_allclose(module.apply(variables, x), x + table, rtol=1e-6)
    state, steps = {}, []
    for chunk in (x[:, :2], x[:, 2:3], x[:, 3:]):
        y, state = module.apply(variables | state, chunk, decode=True, mutable=["cache"])
        steps.append(y)
    np.testing.assert_allclose(np.concatenate(steps, 1), x + table, rtol=1e-6)
    y, _ = module.apply(variables | state, x[:, :1], decode=True, mutable=["cache"])
    assert np.isnan(y).all() == (name == "learned")
    assert module.apply(variables, x.astype(jnp.bfloat16)).dtype == jnp.bfloat16


def test_mistakes_are_told():
    with pytest.raises(AssertionError, match="x has 7 positions, more than the 6 that are learned"):
        LearnedPositions(6).init(jax.random.key(0), normal(0, 2, 7, 4))
    with pytest.raises(ValueError, match="an even number of features, not 5"):
        SinusoidalPositions().init(jax.random.key(0), normal(0, 2, 7, 5))
