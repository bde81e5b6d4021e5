"""The proximal step against scikit-learn's coordinate descent: the same sparse solution for every optimiser."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import ElasticNet, LogisticRegression

from deeplearn.optim.optimizers import OPTIMIZERS, optimizer
from deeplearn.optim.penalties import fraction_of_zeros, kernels
from deeplearn.optim.schedules import schedule

RATES = {
    "sgd": 0.3,
    "momentum": 0.03,
    "nesterov": 0.03,
    "rmsprop": 0.03,
    "adam": 0.03,
    "adamw": 0.03,
    "adagrad": 0.3,
}


def minimise(loss, weights, chain, steps):
    """Full-batch descent in one compiled loop."""

    def step(_, carry):
        weights, state = carry
        updates, state = chain.update(jax.grad(loss)(weights), state, weights)
        return optax.apply_updates(weights, updates), state

    return jax.jit(lambda w: jax.lax.fori_loop(0, steps, step, (w, chain.init(w)))[0])(weights)


@pytest.fixture(scope="module")
def diabetes():
    """Ten columns of unit variance, one of which stays at zero; targets with mean."""
    data = load_diabetes()
    x = data.data / data.data.std(0)
    x = np.concatenate([x, np.zeros((len(x), 1))], 1)
    return x, data.target / data.target.std()


@pytest.mark.parametrize("name, l2", [*((name, 0.0) for name in OPTIMIZERS), ("nesterov", 0.2), ("adam", 0.2)])
def test_l1_reaches_scikit_learn_s_sparse_solution(name, l2, diabetes):
    (x, y), l1 = diabetes, 0.1
    reference = ElasticNet(alpha=l1 + l2, l1_ratio=l1 / (l1 + l2), tol=1e-10, max_iter=100_000).fit(x, y)
    assert 4 < (reference.coef_ == 0).sum() < 9

    def loss(weights):
        return 0.5 * jnp.mean((x @ weights["kernel"] + weights["bias"] - y) ** 2)

    start = {"kernel": jnp.linspace(-1, 1, x.shape[1]), "bias": jnp.zeros(())}
    chain = optimizer(name, schedule("cosine", RATES[name], 3000), l1=l1, l2=l2, weight_decay=0.0)
    found = minimise(loss, start, chain, 3000)
    np.testing.assert_array_equal(np.asarray(found["kernel"]) == 0, reference.coef_ == 0)
    np.testing.assert_allclose(found["kernel"], reference.coef_, atol=2e-4)
    assert float(found["bias"]) == pytest.approx(reference.intercept_, abs=2e-4)  # which is not penalised


def test_l1_of_a_logistic_regression_is_scikit_learn_s():
    data = load_breast_cancer()
    x = (data.data - data.data.mean(0)) / data.data.std(0)
    l1 = 0.03
    reference = LogisticRegression(l1_ratio=1, C=1 / (l1 * len(x)), solver="saga", tol=1e-8, max_iter=20_000)
    reference.fit(x, data.target)

    def loss(weights):
        logits = x @ weights["kernel"] + weights["bias"]
        return optax.sigmoid_binary_cross_entropy(logits, data.target).mean()

    start = {"kernel": jnp.zeros(x.shape[1]), "bias": jnp.zeros(())}
    found = minimise(loss, start, optimizer("momentum", 0.2, l1=l1), 5000)
    np.testing.assert_array_equal(np.asarray(found["kernel"]) == 0, reference.coef_[0] == 0)
    assert 15 < (reference.coef_ == 0).sum() < 30
    np.testing.assert_allclose(found["kernel"], reference.coef_[0], atol=1e-4)
    assert float(found["bias"]) == pytest.approx(reference.intercept_[0], abs=1e-4)


def test_one_step_of_sgd_is_ista_with_the_rate_of_its_schedule():
    chain = optimizer("sgd", lambda count: 0.1 / (count + 1), l1=2.0)
    weights = {"kernel": jnp.array([1.0, -1.0, 0.05, -0.3, 0.0]), "bias": jnp.array([0.05])}
    gradient = {"kernel": jnp.array([1.0, 1.0, -1.0, 0.0, 1.0]), "bias": jnp.array([1.0])}
    state = chain.init(weights)
    updates, state = chain.update(gradient, state, weights)
    weights = optax.apply_updates(weights, updates)
    # moved by −.1 g to .9, −1.1, .15, −.3, −.1; then .2 nearer to zero
    np.testing.assert_allclose(weights["kernel"], [0.7, -0.9, 0, -0.1, 0], atol=1e-7)
    assert (np.asarray(weights["kernel"]) == 0).tolist() == [False, False, True, False, True]
    np.testing.assert_allclose(weights["bias"], [-0.05], atol=1e-7)
    weights = optax.apply_updates(weights, chain.update(gradient, state, weights)[0])
    np.testing.assert_allclose(weights["kernel"], [0.55, -0.85, 0, 0, 0], atol=1e-7)


def test_kernels_are_known_by_their_names():
    leaf = jnp.zeros((2, 2))
    params = {
        "Dense_0": {"kernel": leaf, "bias": leaf},
        "norm": {"scale": leaf, "bias": leaf},
        "tied": {"kernel_0": leaf, "bias_0": leaf, "visible_bias_0": leaf},
        "attention": {"query": {"kernel": leaf, "bias": leaf}},
        "temperature": leaf,
    }
    expected = {
        "Dense_0": {"kernel": True, "bias": False},
        "norm": {"scale": False, "bias": False},
        "tied": {"kernel_0": True, "bias_0": False, "visible_bias_0": False},
        "attention": {"query": {"kernel": True, "bias": False}},
        "temperature": False,
    }
    assert kernels(params) == expected
    assert kernels(leaf) is True


def test_zeros_are_counted_for_each_member_and_in_kernels_alone():
    params = {
        "hidden": {
            "kernel": np.array([[[0.0, 1.0], [0.0, 0.0]], [[1.0, 1.0], [1.0, 1e-30]]]),
            "bias": np.zeros((2, 2)),
        },
        "kernel": np.array([[0.0, 1.0], [-0.0, 2.0]]),
    }
    np.testing.assert_allclose(fraction_of_zeros(params), [4 / 6, 1 / 6])
