"""The switches of a discriminator, each beside what it should do."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.adversarial.discriminator import ADAPTED, Discriminator, packed
from deeplearn.errors import UserError


class Sum(nn.Module):
    """Its parameter makes it a network; the score is the weighted sum of all that it sees."""

    @nn.compact
    def __call__(self, x, train=False):
        return (x.reshape(len(x), -1) * self.param("weight", nn.initializers.ones, ())).sum(-1)


IMAGES = jnp.asarray(np.random.default_rng(0).uniform(size=(6, 4, 4, 2)), jnp.float32)


def test_packs_are_examples_side_by_side():
    found = packed(IMAGES, 3)
    assert found.shape == (2, 4, 4, 6)
    np.testing.assert_array_equal(found[1], np.concatenate([IMAGES[1], IMAGES[3], IMAGES[5]], -1))
    with pytest.raises(UserError, match="packs of 4 examples cannot be made of 6"):
        packed(IMAGES, 4)
    model = Discriminator(Sum(), packing=3)
    scores = model.apply(model.init(jax.random.key(0), IMAGES), IMAGES)
    np.testing.assert_allclose(scores, [IMAGES[::2].sum(), IMAGES[1::2].sum()], rtol=1e-5)


def test_images_are_augmented_only_while_it_trains():
    model = Discriminator(Sum(), augmentation="cutout")
    variables = model.init(jax.random.key(0), IMAGES)
    plain = model.apply(variables, IMAGES)
    np.testing.assert_allclose(plain, IMAGES.reshape(6, -1).sum(-1), rtol=1e-5)
    cut = model.apply(variables, IMAGES, train=True, rngs={"noise": jax.random.key(1)})
    assert (cut < plain).all()


@pytest.mark.parametrize(("logits", "moves"), [([3.0, 2.0, 5.0, 1.0], 1), ([3.0, -2.0, -5.0, 1.0], -1)])
def test_the_probability_of_augmentation_follows_the_signs_of_real_logits(logits, moves):
    model = Discriminator(Sum(), augmentation="cutout", target=0.6)
    variables = dict(model.init(jax.random.key(0), IMAGES))
    variables["augmentation"] = {"probability": jnp.array(0.5)}
    _, changed = model.apply(variables, jnp.array(logits), method=Discriminator.adapt, mutable=["augmentation"])
    np.testing.assert_allclose(changed["augmentation"]["probability"], 0.5 + moves * ADAPTED, rtol=1e-5)


@pytest.mark.parametrize("probability", [0.0, 0.5, 1.0])
def test_an_adapted_augmentation_changes_that_fraction_of_images(probability):
    model = Discriminator(Sum(), augmentation="cutout", target=0.6)
    many = jnp.ones((400, 4, 4, 1))
    variables = dict(model.init(jax.random.key(0), many))
    variables["augmentation"] = {"probability": jnp.array(probability)}
    scores = model.apply(variables, many, train=True, rngs={"noise": jax.random.key(1)})
    assert abs((scores < 16).mean() - probability) <= (0.08 if probability == 0.5 else 0)


def test_instance_noise_falls_to_a_hundredth_and_stays_there():
    model = Discriminator(Sum(), noise=0.5, noise_turns=4)
    many = jnp.ones((500, 4, 4, 1))
    variables = dict(model.init(jax.random.key(0), many))
    np.testing.assert_array_equal(model.apply(variables, many), 16)  # not in evaluation
    for turn in range(7):
        level = 0.5 * max(0.01 ** (turn / 4), 0.01)
        np.testing.assert_allclose(variables["instance_noise"]["level"], level, rtol=1e-4)
        scores = model.apply(variables, many, train=True, rngs={"noise": jax.random.key(turn)})
        np.testing.assert_allclose(scores.std(), 4 * level, rtol=0.15)
        _, changed = model.apply(variables, scores, method=Discriminator.adapt, mutable=["instance_noise"])
        variables |= changed


def test_parts_of_a_batch_move_its_state_as_far_as_the_whole():
    for parts in (1, 4):
        model = Discriminator(Sum(), augmentation="cutout", target=0.6, noise=0.5, noise_turns=8, parts=parts)
        variables = dict(model.init(jax.random.key(0), IMAGES))
        for _ in range(2 * parts):
            _, changed = model.apply(
                variables, jnp.ones(4), method=Discriminator.adapt, mutable=["augmentation", "instance_noise"]
            )
            variables |= changed
        np.testing.assert_allclose(variables["augmentation"]["probability"], 2 * ADAPTED, rtol=1e-5)
        np.testing.assert_allclose(variables["instance_noise"]["level"], 0.5 * 0.01 ** (2 / 8), rtol=1e-4)
