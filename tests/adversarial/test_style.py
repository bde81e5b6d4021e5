"""The player of styles: truncation, mixing in training, the mean w, and the path length's turn."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.adversarial.discriminator import Discriminator
from deeplearn.adversarial.style import W_DECAY, StyleConfig, StyleGAN, path_length, style_stage


class Scaled(nn.Module):
    """z -> 2 z."""

    @nn.compact
    def __call__(self, z):
        return z * self.param("factor", nn.initializers.constant(2.0), ())


class Painted(nn.Module):
    """Four styles of 2 numbers -> an image of 2×2 pixels, each the mean of its style."""

    @nn.compact
    def __call__(self, styles, key):
        return styles.mean(-1).reshape(-1, 2, 2, 1) * self.param("factor", nn.initializers.ones, ())


class Sum(nn.Module):
    @nn.compact
    def __call__(self, x, train=False):
        return x.reshape(len(x), -1).sum(-1) * self.param("factor", nn.initializers.ones, ())


MODEL = StyleGAN(Scaled(), Painted(), Discriminator(Sum()), side=8, latents=2, mixing=0.5)
BATCH = {"image": jnp.zeros((400, 2, 2, 1))}


@functools.cache
def started():
    def init(model):
        model.styles(2)
        model.drawn(jnp.zeros((1, 4, 2)), jax.random.key(0))
        path_length(model, BATCH, 1.0)

    return jax.jit(lambda: MODEL.init(jax.random.key(0), method=init))()


def applied(function, mutable=(), **moved):
    variables = started()
    variables = {**variables, "moving_mean": {**variables["moving_mean"], **moved}}
    return MODEL.apply(variables, method=function, rngs={"noise": jax.random.key(1)}, mutable=list(mutable))


def test_a_walk_is_of_truncated_styles():
    """At truncation 0 all images are that of the mean w; without, the first of a leg are those of the stops."""
    still, _ = applied(lambda m: m.walk(stops=2, between=3, truncation=0.0), mean_w={"mean": jnp.array([0.2, 0.4])})
    np.testing.assert_allclose(still, np.full((6, 2, 2, 1), (0.3 + 1) / 2), rtol=1e-6)
    moving, _ = applied(lambda m: m.walk(stops=2, between=3, truncation=0.1))
    stops, _ = applied(lambda m: m.walk(stops=2, between=1, truncation=0.1))
    np.testing.assert_allclose(moving[::3], stops, rtol=1e-5)
    assert np.ptp(moving[:3], axis=0).min() > 0.01


def test_truncation_moves_w_towards_its_mean():
    z, mean = jnp.array([[1.0, -2.0]]), {"mean": jnp.array([1.0, 1.0])}
    for psi, expected in ((1.0, [2, -4]), (0.0, [1, 1]), (0.5, [1.5, -1.5])):
        w, _ = applied(lambda m, psi=psi: m.w(z, psi), mean_w=mean)
        np.testing.assert_allclose(w, [expected], rtol=1e-6)


def test_half_the_images_are_trained_with_two_styles_and_the_mean_w_follows():
    styles, updated = applied(lambda m: m.styles(400), mutable=["moving_mean"], mean_w={"mean": jnp.ones(2)})
    styles = np.asarray(styles)
    changes = (styles[:, 1:] != styles[:, :-1]).any(-1)
    assert (changes.sum(1) <= 1).all()
    assert abs(changes.any(1).mean() - 0.5) < 0.08
    assert changes.any(0).all()  # at every layer
    new = (updated["moving_mean"]["mean_w"]["mean"] - W_DECAY) / (1 - W_DECAY)
    np.testing.assert_allclose(new, 0, atol=0.3)  # of 800 z of deviation 2


def test_what_is_trained_may_leave_the_unit_interval_and_samples_may_not():
    styles = jnp.full((1, 4, 2), 5.0)
    assert float(applied(lambda m: m.drawn(styles, jax.random.key(0)))[0].max()) == 3
    assert float(applied(lambda m: m.pictures(styles))[0].max()) == 1


def test_the_path_length_s_turn_draws_lengths_to_their_moving_mean():
    """Pixel i is the mean of two latents of layer i: a length is |y| / √2 / √4, y of deviation ½."""
    (loss, metrics), updated = applied(
        lambda m: path_length(m, BATCH, 3.0), mutable=["moving_mean"], mean_length={"mean": jnp.array(2.0)}
    )
    expected = np.linalg.norm(np.random.default_rng(0).normal(size=(10**5, 4)) / 2, axis=1) / np.sqrt(8)
    assert float(metrics["length"]) == pytest.approx(expected.mean(), rel=0.1)
    usual = 0.99 * 2 + 0.01 * float(metrics["length"])
    assert float(updated["moving_mean"]["mean_length"]["mean"]) == pytest.approx(usual, rel=1e-5)
    assert float(loss) == pytest.approx(3 * ((usual - expected) ** 2).mean(), rel=0.05)


def test_the_lazy_turn_counts_for_those_that_are_left_out():
    stage = style_stage(StyleConfig(r1=1.0, r1_every=16, steps=320), 2.0, 4)
    assert [(turn.name, turn.every) for turn in stage.turns][-1] == ("path_length", 4)
    assert stage.turns[-1].loss.keywords["weight"] == 8
    assert set(stage.turns[-1].trains) == {"mapping", "synthesis"} < set(stage.optimizers)
    assert len(style_stage(StyleConfig(r1=1.0, steps=320)).turns) == 2
