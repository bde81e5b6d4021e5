"""The games' losses at points where their values and slopes are known."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from absl.testing import parameterized
from scipy.spatial.distance import jensenshannon
from scipy.special import expit

from deeplearn.losses.adversarial import (
    GAMES,
    discriminator_loss,
    gradient_penalty,
    non_saturating_loss,
    r1_penalty,
    saturating_loss,
)

# Two distributions over five values, as counts out of 20: expectations are means over values so repeated.
REAL, FAKE = np.array([1, 4, 2, 8, 5]), np.array([6, 3, 2, 1, 8])


@jax.jit
def loss_of(logits):
    """The discriminator's loss, given its logit at each of the five values."""
    return discriminator_loss(jnp.repeat(logits, REAL, total_repeat_length=20), logits[np.repeat(range(5), FAKE)])


def test_the_optimal_discriminator_s_loss_is_the_jensen_shannon_divergence():
    """−V(D*, G) = log 4 − 2 JSD(p ‖ q) at D* = p/(p + q) (Goodfellow et al. 2014, theorem 1)."""
    best = jnp.log(REAL / FAKE)  # the logits of p/(p + q)
    expected = np.log(4) - 2 * jensenshannon(REAL / 20, FAKE / 20) ** 2
    assert float(loss_of(best)) == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(jax.jit(jax.grad(loss_of))(best), 0, atol=1e-6)
    assert np.linalg.eigvalsh(jax.jit(jax.hessian(loss_of))(best)).min() > 0


def test_a_discriminator_that_cannot_distinguish_loses_log_4():
    assert float(loss_of(jnp.zeros(5))) == pytest.approx(np.log(4), rel=1e-6)


LOGITS = np.array([-30.0, -3.0, -0.2, 0.0, 1.5, 30.0])


class Games(chex.TestCase):
    @chex.all_variants
    def test_losses_are_their_formulas(self):
        real, fake = LOGITS[:4], LOGITS[1:5]
        expected = -np.log(expit(real)).mean() - np.log(1 - expit(fake)).mean()
        assert float(self.variant(discriminator_loss)(real, fake)) == pytest.approx(expected, rel=1e-5)
        expected = np.log(1 - expit(fake)).mean()
        assert float(self.variant(saturating_loss)(fake)) == pytest.approx(expected, rel=1e-5)
        assert float(self.variant(non_saturating_loss)(fake)) == pytest.approx(
            -np.log(expit(fake)).mean(), rel=1e-5
        )

    @chex.all_variants
    def test_slopes_of_the_generator_s_losses(self):
        """d/dl E log(1 − D) = −D and d/dl −E log D = −(1 − D): the first is flat where D is sure of a fake."""
        saturating, other = (
            len(LOGITS) * np.asarray(self.variant(jax.grad(loss))(LOGITS))
            for loss in (saturating_loss, non_saturating_loss)
        )
        np.testing.assert_allclose(saturating, -expit(LOGITS), rtol=1e-5)
        np.testing.assert_allclose(other, -expit(-LOGITS), rtol=1e-5)
        assert -1e-12 < saturating[0] < 0 and other[0] == pytest.approx(-1)


def test_other_games_are_their_formulas():
    real, fake = LOGITS[:4], LOGITS[1:5]
    expected = {
        "hinge": (np.maximum(0, 1 - real).mean() + np.maximum(0, 1 + fake).mean(), -fake.mean()),
        "least_squares": (
            (np.square(real - 1).mean() + np.square(fake).mean()) / 2,
            np.square(fake - 1).mean() / 2,
        ),
        "wasserstein": (fake.mean() - real.mean(), -fake.mean()),
    }
    for name, (discriminator, generator) in expected.items():
        assert float(GAMES[name].discriminator(real, fake)) == pytest.approx(discriminator, rel=1e-5), name
        assert float(GAMES[name].generator(fake)) == pytest.approx(generator, rel=1e-5), name


def test_r1_is_the_squared_slope_at_each_example():
    """Of D(x) = Σ a x² + b the slope is 2 a x; two numbers for an example count by their sum."""
    x = np.random.default_rng(0).normal(size=(5, 2, 3)).astype(np.float32)
    a = np.random.default_rng(1).normal(size=(2, 3)).astype(np.float32)
    found = r1_penalty(lambda x: (a * x**2).sum((1, 2)) + 3, x)
    np.testing.assert_allclose(found, np.square(2 * a * x).sum((1, 2)).mean(), rtol=1e-5)
    patches = r1_penalty(lambda x: jnp.stack([(a * x**2).sum((1, 2)), x[:, 0, 0]], 1), x)
    slope = 2 * a * x
    slope[:, 0, 0] += 1
    np.testing.assert_allclose(patches, np.square(slope).sum((1, 2)).mean(), rtol=1e-5)


# The gradient penalty.

penalty_of = jax.jit(gradient_penalty, static_argnums=0)


class LinearCritic(chex.TestCase):
    @chex.all_variants
    @parameterized.parameters(False, True)
    def test_its_penalty_is_that_of_its_weight(self, keepdims):
        """Scores are [batch] or [batch, 1]."""
        weight = np.random.default_rng(0).normal(size=(6, 1)).astype(np.float32)
        real, fake = np.random.default_rng(1).normal(size=(2, 7, 2, 3, 1)).astype(np.float32)

        def critic(x):
            scores = x.reshape(7, -1) @ weight + 5
            return scores if keepdims else scores[:, 0]

        found = self.variant(lambda *arguments: gradient_penalty(critic, *arguments))(real, fake, jax.random.key(0))
        assert float(found) == pytest.approx((np.linalg.norm(weight) - 1) ** 2, rel=1e-5)


def test_the_points_are_uniform_on_the_lines_between_real_and_fake():
    """‖∇ ½‖x‖²‖ = ‖x‖: from the origin to a point of length 3 it is 3m, and E (3m − 1)² = 1 for uniform m."""
    real, fake = np.zeros((20_000, 3, 3, 1), np.float32), np.ones((20_000, 3, 3, 1), np.float32)

    def half_square(x):
        return (x**2).sum((1, 2, 3)) / 2

    # The std of (3m − 1)² is 1.1, and of its mean .008.
    assert float(penalty_of(half_square, real, fake, jax.random.key(0))) == pytest.approx(1, abs=0.03)
    assert float(penalty_of(half_square, fake, real, jax.random.key(1))) == pytest.approx(1, abs=0.03)


def tanh_critic(parameters, x):
    first, bias, second = parameters
    return jnp.tanh(x @ first + bias) @ second


@pytest.fixture(name="critic")
def random_critic():
    generator = np.random.default_rng(2)
    return [generator.normal(size=shape) for shape in ((3, 6), (6,), (6,))]


def test_the_penalty_agrees_with_finite_differences(critic):
    """Where real and fake are the same the points are known, whatever the key."""
    x = np.random.default_rng(3).normal(size=(5, 3))

    def score(row):
        return np.tanh(row @ critic[0] + critic[1]) @ critic[2]

    steps = 1e-5 * np.eye(3)
    slopes = np.array([[(score(row + step) - score(row - step)) / 2e-5 for step in steps] for row in x])
    expected = ((np.linalg.norm(slopes, axis=1) - 1) ** 2).mean()
    found = penalty_of(lambda rows: tanh_critic(critic, rows), x, x, jax.random.key(0))
    assert float(found) == pytest.approx(expected, rel=1e-4)


def test_its_gradient_agrees_with_finite_differences(critic):
    with jax.enable_x64(True):
        real, fake = np.random.default_rng(4).normal(size=(2, 5, 3))

        @jax.jit
        def penalty(parameters):
            return gradient_penalty(lambda rows: tanh_critic(parameters, rows), real, fake, jax.random.key(0))

        found = jax.jit(jax.grad(penalty))(critic)
        for number, leaf in enumerate(critic):
            for index in np.ndindex(leaf.shape):
                ends = []
                for step in (1e-5, -1e-5):
                    moved = [array.copy() for array in critic]
                    moved[number][index] += step
                    ends.append(float(penalty(moved)))
                expected = (ends[0] - ends[1]) / 2e-5
                assert float(found[number][index]) == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_a_critic_of_zeros_has_a_finite_gradient(critic):
    real, fake = np.random.default_rng(5).normal(size=(2, 5, 3)).astype(np.float32)
    zeros = [np.zeros_like(leaf, np.float32) for leaf in critic]

    @jax.jit
    def penalty(parameters):
        return gradient_penalty(lambda rows: tanh_critic(parameters, rows), real, fake, jax.random.key(0))

    value, slopes = jax.jit(jax.value_and_grad(penalty))(zeros)
    assert float(value) == pytest.approx(1, rel=1e-4)
    assert all(np.isfinite(slope).all() for slope in slopes)
