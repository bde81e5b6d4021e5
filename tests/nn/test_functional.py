"""log σ and softplus against scipy; differentiating through a bound module against the same gradient outside."""

import chex
import flax
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit, log_expit

from deeplearn.nn.batch_norm import BatchNorm
from deeplearn.nn.functional import as_function, binary, black_and_white, by_rows, log_sigmoid, softplus


class Network(nn.Module):
    def setup(self):
        self.hidden = nn.Dense(5)
        self.norm = BatchNorm()
        self.out = nn.Dense(1)

    def __call__(self, x, scale=1.0, train=False):
        return scale * self.out(self.norm(nn.tanh(self.hidden(x)), train)).squeeze(-1)


class Holder(nn.Module):
    """A root whose parameters hold the network's beside others of the same name."""

    def setup(self):
        self.hidden = nn.Dense(2)
        self.network = Network()

    def __call__(self, x):
        return self.hidden(x), self.network(x)


X = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)


@pytest.fixture(name="variables", scope="module")
def random_variables():
    shapes = jax.eval_shape(Holder().init, jax.random.key(0), X)
    generator = np.random.default_rng(1)
    return jax.tree.map(lambda leaf: generator.uniform(0.5, 1.5, leaf.shape).astype(np.float32), shapes)


def slope(holder, x, scale):
    return jax.grad(lambda x: as_function(holder.network)(x, scale=scale).sum())(x)


def outside(variables, x, scale):
    own = {collection: tree["network"] for collection, tree in variables.items()}
    return jax.grad(lambda x: Network().apply(own, x, scale=scale).sum())(x)


def test_the_slope_inside_is_the_slope_outside(variables):
    inside = jax.jit(lambda v: Holder().apply(v, X, 2.0, method=slope))(variables)
    expected = jax.jit(lambda v: outside(v, X, 2.0))(variables)
    np.testing.assert_allclose(inside, expected, rtol=1e-5)
    assert np.abs(expected).min() > 1e-3


def test_a_loss_on_slopes_has_the_gradient_of_the_same_loss_outside(variables):
    """The parameters still flow into the pure function: what a gradient penalty needs."""

    def loss_inside(v):
        return (Holder().apply(v, X, 2.0, method=slope) ** 2).sum()

    def loss_outside(v):
        return (outside(v, X, 2.0) ** 2).sum()

    found, expected = (jax.jit(jax.grad(loss))(variables)["params"] for loss in (loss_inside, loss_outside))
    chex.assert_trees_all_close(found, expected, rtol=1e-4, atol=1e-5)
    assert jnp.abs(expected["network"]["hidden"]["kernel"]).min() > 1e-3


def test_effects_are_an_error_and_do_not_leak(variables):
    def training_slope(holder, x):
        return jax.grad(lambda x: as_function(holder.network)(x, train=True).sum())(x)

    with pytest.raises(flax.errors.ModifyScopeVariableError):
        jax.eval_shape(lambda v: Holder().apply(v, X, method=training_slope, mutable=["batch_stats"]), variables)


def test_it_serves_while_parameters_are_initialised():
    def call_and_slope(holder, x):
        return holder.network(x), slope(holder, x, 2.0)

    made = jax.eval_shape(lambda key: Holder().init(key, X, method=call_and_slope), jax.random.key(0))
    assert set(made["params"]) == {"network"}


def test_black_and_white_is_cut_above_one_half():
    grey = np.array([[0.0, 0.5], [0.51, 1.0]], np.float32).reshape(1, 2, 2, 1)
    for image in (grey, jnp.asarray(grey)):
        found = binary(image)
        assert type(found) is type(image) or isinstance(found, jax.Array)
        np.testing.assert_array_equal(found, [[0, 0, 1, 1]])
        assert found.dtype == np.float32
    precise = black_and_white(grey.astype(np.float64))
    np.testing.assert_array_equal(precise, [[0, 0, 1, 1]])
    assert precise.dtype == np.float64


class Exact(chex.TestCase):
    @chex.all_variants
    def test_log_sigmoid_and_softplus_with_their_slopes_are_exact_from_far_below_to_far_above_zero(self):
        x = np.array([0.0, -0.0, 1e-6, -1e-6, 0.3, -0.3, 5, -5, 17, -17, 80, -80, 1e4, -1e4], np.float32)
        exact = x.astype(np.float64)
        np.testing.assert_allclose(self.variant(log_sigmoid)(x), log_expit(exact), rtol=1e-6, atol=1e-37)
        np.testing.assert_allclose(self.variant(softplus)(x), -log_expit(-exact), rtol=1e-6, atol=1e-37)
        np.testing.assert_allclose(
            self.variant(jax.vmap(jax.grad(log_sigmoid)))(x), expit(-exact), rtol=2e-6, atol=1e-37
        )
        np.testing.assert_allclose(
            self.variant(jax.vmap(jax.grad(softplus)))(x), expit(exact), rtol=2e-6, atol=1e-37
        )


@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4), (0, 3, 4)])
def test_a_layer_that_sees_rows_sees_all_of_them_in_their_order(shape):
    seen = []

    def layer(rows):
        seen.append(rows.shape)
        return jnp.concatenate([rows, rows[:, :1] * 10], axis=1)

    x = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    np.testing.assert_array_equal(by_rows(layer, x), np.concatenate([x, x[..., :1] * 10], axis=-1))
    assert seen == [(np.prod(shape[:-1]), 4)]
