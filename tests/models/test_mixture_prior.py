"""Noise of a mixture, against what its distribution says."""

import jax
import numpy as np
import scipy.stats

from deeplearn.models.mixture_prior import SIZE, MixturePrior


def draws(components, count=4000):
    prior = MixturePrior(3, components)
    variables = prior.init({"params": jax.random.key(0), "noise": jax.random.key(1)}, 1)
    noise = jax.jit(lambda v, key: prior.apply(v, count, rngs={"noise": key}))(variables, jax.random.key(2))
    return np.asarray(noise), np.asarray(variables["params"]["Embed_0"]["embedding"])


def test_one_part_is_gaussian_and_the_other_one_of_the_vectors_all_equally_often():
    noise, vectors = draws(components=8)
    assert noise.shape == (4000, 3 + SIZE) and vectors.shape == (8, SIZE)
    for column in noise[:, :3].T:
        assert scipy.stats.kstest(column, "norm").pvalue > 1e-3
    which = np.square(noise[:, None, 3:] - vectors).sum(-1).argmin(-1)
    np.testing.assert_array_equal(noise[:, 3:], vectors[which])
    counts = np.bincount(which, minlength=8)
    assert scipy.stats.chisquare(counts).pvalue > 1e-3
    # The two parts are independent, and the second is as loud as the first.
    assert scipy.stats.f_oneway(*[noise[which == k, 0] for k in range(8)]).pvalue > 1e-3
    assert 0.8 < vectors.std() < 1.2


def test_a_single_component_is_a_constant():
    noise, vectors = draws(components=1, count=10)
    np.testing.assert_array_equal(noise[:, 3:], np.tile(vectors, (10, 1)))
    assert noise[:, :3].std(0).min() > 0.1
