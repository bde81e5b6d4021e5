"""Activations and their initialisations: definitions, moments by integration and layer by layer."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from absl.testing import parameterized
from scipy import integrate, optimize, special, stats

from deeplearn.nn import activations
from deeplearn.nn.activations import AlphaDropout, by_name, initializer_for

DEFINITIONS = {
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
    "elu": lambda x: np.where(x > 0, x, np.exp(x) - 1),
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * (np.exp(x) - 1)),
    "gelu": lambda x: x * stats.norm.cdf(x),
    "gelu_tanh": lambda x: x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "quick_gelu": lambda x: x * special.expit(1.702 * x),
    "silu": lambda x: x * special.expit(x),
}


def moment(function):
    """E of the function of a standard normal; the kink at zero is a boundary."""
    density = stats.norm.pdf
    return sum(integrate.quad(lambda z: density(z) * function(z), *ends)[0] for ends in ((-12, 0), (0, 12)))


class Definitions(chex.TestCase):
    @chex.all_variants
    @parameterized.parameters(*DEFINITIONS)
    def test_an_activation_is_its_definition(self, name):
        x, activation = np.linspace(-4, 4, 41, dtype=np.float32), self.variant(by_name(name))
        np.testing.assert_allclose(activation(x), DEFINITIONS[name](x), rtol=1e-5, atol=1e-6)
        assert activation(jnp.asarray(x, jnp.bfloat16)).dtype == jnp.bfloat16


def test_selu_s_constants_are_the_fixed_point():
    """Klambauer et al. 2017: mean 0 and variance 1 in, mean 0 and variance 1 out; solved here, not quoted."""

    def off(constants):
        scale, alpha = constants

        def selu(z):
            return scale * (z if z > 0 else alpha * np.expm1(z))

        return moment(selu), moment(lambda z: selu(z) ** 2) - 1

    found = optimize.fsolve(off, (1.0, 1.5), xtol=1e-12)
    np.testing.assert_allclose(found, (activations.SELU_LAMBDA, activations.SELU_ALPHA), rtol=1e-7)


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "elu", "selu"])
def test_scales_are_those_of_he_s_condition(name):
    square = moment(lambda z: float(DEFINITIONS[name](z)) ** 2)
    assert activations._SCALES[name] * square == pytest.approx(1, abs=1e-7)
    drawn = initializer_for(name)(jax.random.key(0), (300, 500))
    assert float(jnp.var(drawn)) * 300 == pytest.approx(activations._SCALES[name], rel=0.02)


@pytest.mark.parametrize(("name", "gain"), [("tanh", 1.0), ("sigmoid", 4.0)])
def test_glorot_s_limits(name, gain):
    drawn = initializer_for(name)(jax.random.key(0), (300, 500))
    limit = gain * np.sqrt(6 / 800)
    assert 0.99 * limit < float(jnp.abs(drawn).max()) <= limit
    assert float(jnp.var(drawn)) == pytest.approx(limit**2 / 3, rel=0.02)


@pytest.mark.parametrize(
    ("name", "tolerance"), [("relu", 0.35), ("leaky_relu", 0.35), ("elu", 0.3), ("selu", 0.25)]
)
def test_pre_activations_keep_their_second_moment_through_twelve_layers(name, tolerance):
    """Of width 1000; ELU's with ReLU's initialisation would grow by (2/1.55)^12, 21 times."""
    keys = jax.random.split(jax.random.key(0), 13)
    z = jax.random.normal(keys[0], (64, 1000))
    for key in keys[1:]:
        z = by_name(name)(z) @ initializer_for(name)(key, (1000, 1000))
    assert float((z**2).mean()) == pytest.approx(1, abs=tolerance)


def test_alpha_dropout_keeps_mean_and_variance():
    x = np.random.default_rng(0).normal(size=(400, 500)).astype(np.float32)
    module = AlphaDropout(0.3)
    y = module.apply({}, x, train=True, rngs={"noise": jax.random.key(0)})
    assert float(y.mean()) == pytest.approx(0, abs=0.02)
    assert float(y.var()) == pytest.approx(1, abs=0.02)
    values, counts = np.unique(np.asarray(y), return_counts=True)
    assert counts.max() / y.size == pytest.approx(0.3, abs=0.01)  # the dropped all have one value
    # torch's alpha_dropout: a = (q + α'² q (1 − q))^−½ and b = −a (1 − q) α', dropped units at a α' + b
    low, q = -1.7580993408473766, 0.7
    a = (q + low**2 * q * (1 - q)) ** -0.5
    assert values[counts.argmax()] == pytest.approx(a * low - a * (1 - q) * low, rel=1e-5)
    np.testing.assert_array_equal(module.apply({}, x, train=False), x)


def test_a_wrong_name_is_reported():
    with pytest.raises(ValueError, match=r"no activation 'rellu': sigmoid"):
        by_name("rellu")
