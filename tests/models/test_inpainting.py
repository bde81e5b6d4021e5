"""Inpainting where the conditional distribution is known: two correlated numbers of which one is seen."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.models.inpainting import inpaint, repaint_path
from deeplearn.nn.noise import sampling_ratios

CORRELATION = 0.9
COVARIANCE = np.array([[1, CORRELATION], [CORRELATION, 1]])


def published_path(t_T, jump_length, jump_n_sample):
    """`get_schedule_jump` as in the authors' code, whose times end at −1."""
    jumps = {j: jump_n_sample - 1 for j in range(0, t_T - jump_length, jump_length)}
    t, ts = t_T, []
    while t >= 1:
        t = t - 1
        ts.append(t)
        if jumps.get(t, 0) > 0:
            jumps[t] = jumps[t] - 1
            for _ in range(jump_length):
                t = t + 1
                ts.append(t)
    return [*ts, -1]


@pytest.mark.parametrize("sizes", [(250, 10, 10), (12, 3, 2), (10, 4, 3), (7, 10, 5), (5, 1, 1)])
def test_the_path_is_that_of_the_paper(sizes):
    levels, jump, resample = sizes
    path = repaint_path(levels, jump, resample)
    assert path[0] == levels
    # Their first time is the first at which something is estimated: ours before it is a step more.
    assert [level - 1 for level in path] == published_path(levels, jump, resample)
    assert set(np.abs(np.diff(path))) == {1}


@jax.jit
def best_denoiser(x, ratio):
    alpha, sigma = 1 / jnp.sqrt(1 + ratio[0] ** 2), ratio[0] / jnp.sqrt(1 + ratio[0] ** 2)
    gain = alpha * COVARIANCE @ jnp.linalg.inv(alpha**2 * COVARIANCE + sigma**2 * jnp.eye(2))
    data = x @ gain.T
    return data, (x - alpha * data) / sigma


def filled_in(resample, jump=4):
    known = jnp.full((4000, 2), 1.5)
    visible = jnp.array([True, False])
    ratios = sampling_ratios("lognormal", 20)
    x = np.asarray(inpaint(best_denoiser, known, visible, jax.random.key(0), ratios, jump, resample))
    np.testing.assert_array_equal(x[:, 0], known[:, 0])
    return x[:, 1]


def test_resampling_comes_nearer_to_the_conditional_than_plain_replacement():
    """Twenty coarse levels: exact only in the limit of many levels, and of many returns at each."""
    mean, std = CORRELATION * 1.5, np.sqrt(1 - CORRELATION**2)
    plain, resampled = filled_in(1), filled_in(10)
    assert abs(resampled.mean() - mean) < abs(plain.mean() - mean) / 2 < 0.3
    assert resampled.std() == pytest.approx(std, rel=0.15)


def test_the_key_decides():
    ratios, known = sampling_ratios("lognormal", 4), jnp.ones((3, 2))
    one, again, other = (
        np.asarray(inpaint(best_denoiser, known, jnp.array([True, False]), jax.random.key(seed), ratios, 2, 2))
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, again)
    assert (one[:, 1] != other[:, 1]).all()
