"""The losses of a VAE-GAN by matrices, who learns from them, and the VAE beside a generator."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.adversarial import vae
from deeplearn.adversarial.discriminator import Discriminator
from deeplearn.adversarial.players import VAEGAN
from deeplearn.models.conditional import FeatureCritic
from deeplearn.models.dcgan import DenseCritic
from deeplearn.models.mlp import MLP
from experiments.adversarial import vae_gan

IMAGES = jnp.asarray(np.random.default_rng(0).uniform(size=(4, 2, 2, 1)), jnp.float32)

BATCH = {"image": IMAGES}


class Linear(nn.Module):
    """A generator: codes -> images of 2 × 2 pixels."""

    @nn.compact
    def __call__(self, z, train):
        return nn.Dense(4)(z).reshape(-1, 2, 2, 1)


@pytest.fixture(name="model", scope="module")
def network():
    """(module, random weights, which give codes almost no variance)."""
    critic = FeatureCritic(DenseCritic((3,), jnp.tanh, head=False), DenseCritic((2,), jnp.tanh))
    model = VAEGAN(MLP((), 2 * 2), Linear(), 2, Discriminator(critic))

    def init(model, batch):
        return vae_gan.encode(model, batch, 1.0), vae_gan.decode(model, batch, "non_saturating", 1.0)

    keys = {"params": jax.random.key(0), "noise": jax.random.key(1)}
    shapes = jax.eval_shape(lambda: model.init(keys, {"image": IMAGES}, method=init))
    rng = np.random.default_rng(1)
    params = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape).astype(np.float32), dict(shapes["params"]))
    params["encoder"]["Dense_0"]["kernel"][:, 2:], params["encoder"]["Dense_0"]["bias"][2:] = 0, -20
    return model, params


def applied(model, *methods):
    """What each gives of the same random numbers."""
    module, params = model
    rngs = {"noise": jax.random.key(2)}
    return jax.jit(lambda p: [module.apply({"params": p}, method=method, rngs=rngs) for method in methods])(params)


def dense(x, layer):
    return x @ layer["kernel"] + layer["bias"]


def test_reconstructions_are_compared_in_the_discriminator_s_features(model):
    params = model[1]
    x = np.asarray(IMAGES).reshape(4, 4)
    mean = dense(2 * x - 1, params["encoder"]["Dense_0"])[:, :2]
    again = dense(mean, params["generator"]["Dense_0"])
    trunk = params["discriminator"]["network"]["trunk"]["Dense_0"]
    error = np.square(np.tanh(dense(x, trunk)) - np.tanh(dense(again, trunk))).sum(1).mean() / 2
    kl = (np.square(mean).sum(1) / 2 + 2 * (np.exp(-20) - 1 + 20) / 2).mean()
    (loss, metrics), (plain, _), (more, _), (elbo, found) = applied(
        model,
        lambda m: vae_gan.encode(m, BATCH, 0.5),
        lambda m: vae_gan.decode(m, BATCH, "hinge", 0.0),
        lambda m: vae_gan.decode(m, BATCH, "hinge", 3.0),
        lambda m: vae_gan.negative_elbo(m, BATCH),
    )
    assert float(metrics["reconstruction"]) == pytest.approx(error, rel=1e-3)
    assert float(loss) == pytest.approx(error + 0.5 * kl, rel=1e-3)
    assert float(more - plain) == pytest.approx(3 * error, rel=1e-3)
    mse = np.square(again - x).mean()
    assert float(found["mse"]) == pytest.approx(mse, rel=1e-3)
    assert float(elbo) == pytest.approx(2 * np.log(mse) + kl, rel=1e-3)


def test_half_of_what_is_generated_are_reconstructions(model):
    one, fake, again = applied(
        model, lambda m: m.fake({"image": IMAGES[:1]}), lambda m: m.fake(BATCH), lambda m: m.again(IMAGES)
    )
    assert fake.shape == IMAGES.shape
    np.testing.assert_allclose(fake[:2], again[:2], atol=1e-2)
    assert np.abs(fake[2:] - again[2:]).min(axis=(1, 2, 3)).max() > 1e-2
    assert one.shape == (1, 2, 2, 1)


@pytest.mark.parametrize(("weights", "pixels"), [(100_000, 784), (1000, 64), (3_000_000, 12288)])
def test_the_vae_beside_a_generator_has_its_size(weights, pixels):
    width = vae.width_of(weights, pixels)
    own = width * (width + pixels + vae.LATENTS)
    assert own == pytest.approx(weights, rel=0.03)
