"""Networks that translate pictures: published sizes, what a patch sees, where noise comes in."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.errors import UserError
from deeplearn.models.pix2pix import PatchGAN, UNet, halvings, receptive_field
from deeplearn.models.resnet_generator import ResNetGenerator, reflected


def shapes(module, *shape):
    return jax.eval_shape(module.init, jax.random.key(0), jnp.zeros((1, *shape)))


@pytest.mark.parametrize(
    ("module", "channels", "published"),
    [
        # What the official code prints: 54.414 M, 2.769 M, 2.765 M, 11.378 M.
        (UNet(3), 3, 54_413_955),
        (PatchGAN(), 6, 2_768_705),
        (PatchGAN(affine=False), 3, 2_764_737),
        (ResNetGenerator(3), 3, 11_378_179),
    ],
)
def test_paper_sizes_are_those_published(module, channels, published):
    assert sum(np.prod(leaf.shape) for leaf in jax.tree.leaves(shapes(module, 256, 256, channels))) == published


def randomised(module, *shape):
    rng = np.random.default_rng(0)
    return jax.tree.map(lambda x: rng.normal(size=x.shape).astype(np.float32), shapes(module, *shape))


@pytest.mark.parametrize("layers", [1, 2])
def test_a_patch_sees_so_many_pixels_and_no_more(layers, monkeypatch):
    """Without normalisation, which sees the whole picture."""
    monkeypatch.setattr("deeplearn.models.pix2pix.InstanceNorm", lambda affine: lambda x: x)
    module, side = PatchGAN(features=1, layers=layers), 48
    variables = randomised(module, side, side, 1)

    def middle(image):
        logits = module.apply(variables, image)
        return logits[0, logits.shape[1] // 2, logits.shape[2] // 2]

    slopes = jax.grad(middle)(jax.random.normal(jax.random.key(0), (1, side, side, 1)))
    for axis in (1, 2):
        seen = np.flatnonzero(np.abs(np.asarray(slopes)).sum((0, 3)).sum(axis - 1))
        assert seen[-1] - seen[0] + 1 == receptive_field(layers)


def test_the_paper_s_patch_is_of_seventy_pixels():
    assert [receptive_field(layers) for layers in (1, 2, 3)] == [16, 34, 70]


def test_the_unet_draws_anew_each_time_and_every_image_stands_for_itself():
    module = UNet(channels=2, features=2)
    variables = randomised(module, 16, 8, 1)
    images = jax.random.uniform(jax.random.key(0), (2, 16, 8, 1))
    apply = jax.jit(lambda images, key: module.apply(variables, images, rngs={"noise": key}))
    one, other = apply(images, jax.random.key(1)), apply(images, jax.random.key(2))
    assert one.shape == (2, 16, 8, 2) and float(np.abs(one - other).max()) > 1e-3
    changed = apply(images.at[1].set(0), jax.random.key(1))
    np.testing.assert_allclose(changed[0], one[0], atol=1e-6)


def test_edges_are_mirrored():
    x = np.arange(4.0).reshape(1, 4, 1, 1) + np.zeros((1, 4, 4, 1))
    np.testing.assert_array_equal(reflected(jnp.asarray(x), 2)[0, :, 3, 0], [2, 1, 0, 1, 2, 3, 2, 1])


@pytest.mark.parametrize(("size", "count"), [((256, 256), 8), ((512, 512), 8), ((28, 28), 2), ((32, 48), 4)])
def test_halvings(size, count):
    assert halvings(*size) == count


@pytest.mark.parametrize(
    ("module", "size", "sentence"),
    [
        (UNet(1), (30, 32), "images of 30×32 pixels cannot be halved twice"),
        (PatchGAN(layers=3), (16, 16), "16×16 pixels do not suit a discriminator that halves them 3 times"),
        (PatchGAN(layers=2), (30, 32), "30×32 pixels do not suit"),
        (ResNetGenerator(1), (4, 4), "4×4 pixels cannot be halved twice"),
        (ResNetGenerator(1), (30, 32), "30×32 pixels cannot be halved twice"),
    ],
)
def test_other_sizes_are_a_sentence(module, size, sentence):
    with pytest.raises(UserError, match=sentence):
        shapes(module, *size, 1)
