"""CLIP: vectors of length 1, the capped temperature, encoders that see what they should, the published count."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.models.clip import BagOfWords, Clip, PixelVision, ResNetVision, clip_vit_l_14
from deeplearn.models.clip_text import ClipText
from deeplearn.models.clip_vision import ClipVision

TOKENS = np.array([[2, 5, 6, 3, 0], [2, 7, 3, 0, 0]], np.int32)
LENGTH = np.array([4, 3], np.int32)
IMAGE = {
    "pixels": PixelVision(8, 6),
    "resnet": ResNetVision(8, (1, 1), 2, 6),
    "vit": ClipVision(8, 4, 8, 1, 2, 8, 6),
}
TEXT = {"bag": BagOfWords(9, 6), "transformer": ClipText(9, 8, 1, 2, 8, 5, 6, end=3)}


@functools.cache
def clip(image, text):
    """(module, variables that are random everywhere)."""
    module = Clip(IMAGE[image], TEXT[text])
    variables = module.init(jax.random.key(0), np.zeros((2, 8, 8, 3), np.float32), TOKENS, LENGTH)
    leaves, tree = jax.tree.flatten(variables["params"])
    rng = np.random.default_rng(0)
    params = jax.tree.unflatten(tree, [x + 0.3 * rng.normal(size=x.shape).astype(np.float32) for x in leaves])
    return module, {**variables, "params": params}


def texts(kind, tokens=TOKENS, length=LENGTH, **options):
    module, variables = clip("vit", kind)
    return module.apply(variables, tokens, length, method=Clip.texts, **options)


@pytest.mark.parametrize(("image", "text"), [("resnet", "bag"), ("vit", "transformer")])
def test_vectors_have_length_one_and_depend_on_their_own_row_alone(image, text):
    module, variables = clip(image, text)
    pictures = np.random.default_rng(1).uniform(size=(2, 8, 8, 3)).astype(np.float32)
    images, found, scale = module.apply(variables, pictures, TOKENS, LENGTH)
    for vectors in (images, found):
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(scale, np.exp(variables["params"]["log_scale"]), rtol=1e-6)
    again = module.apply(variables, pictures[:1], TOKENS[1:], LENGTH[1:])
    np.testing.assert_allclose(again[0], images[:1], atol=1e-5)
    np.testing.assert_allclose(again[1], found[1:], atol=1e-5)


def test_the_temperature_is_capped_and_can_come_back():
    """1/.07 at first (section 2.5); exp(log s) up to 100."""
    module = Clip(IMAGE["vit"], TEXT["bag"])

    def scale(log_scale):
        return module.apply({"params": {"log_scale": log_scale}}, method=lambda clip: clip.scale)

    assert scale(jnp.log(7.0)) == pytest.approx(7, rel=1e-6) and scale(10.0) == pytest.approx(100, rel=1e-5)
    assert (jax.grad(scale)(2.0), jax.grad(scale)(10.0)) == (pytest.approx(np.exp(2)), pytest.approx(100))
    start = module.init(jax.random.key(0), TOKENS, LENGTH, method=Clip.texts)["params"]["log_scale"]
    assert np.exp(-start) == pytest.approx(0.07)


@pytest.mark.parametrize("kind", TEXT)
def test_padding_means_nothing(kind):
    longer = np.where(np.arange(5) < LENGTH[:, None], TOKENS, 8)
    np.testing.assert_allclose(texts(kind, longer), texts(kind), atol=1e-6)


def test_a_bag_does_not_know_the_order_of_words_and_a_transformer_does():
    turned = TOKENS[:, [0, 2, 1, 3, 4]]
    gap = {kind: np.abs(texts(kind, turned)[0] - texts(kind)[0]).max() for kind in TEXT}
    assert gap["bag"] < 1e-6 and gap["transformer"] > 1e-3


def test_a_word_that_is_unknown_adds_nothing_to_a_bag():
    variables = {"params": clip("vit", "bag")[1]["params"]["text"]}
    bag, more = BagOfWords(9, 6, unknown=1), np.array([[2, 1, 4, 1, 3]], np.int32)
    known = np.array([[2, 4, 3, 0, 0]], np.int32)
    found = [bag.apply(variables, tokens, np.array([n]), method="vectors") for tokens, n in ((more, 5), (known, 3))]
    np.testing.assert_allclose(*found, atol=1e-6)


def test_pixels_are_seen_as_means_of_areas_and_dropped_in_training_alone():
    encoder = PixelVision(16, 6, layers=1, dropout=0.5, largest=4)
    image = np.random.default_rng(0).normal(size=(2, 12, 12, 3)).astype(np.float32)
    variables = encoder.init(jax.random.key(0), image, method="vectors")
    areas = image.reshape(2, 4, 3, 4, 3, 3).mean((2, 4))
    found = [encoder.apply(variables, x, method="vectors") for x in (image, areas)]
    np.testing.assert_allclose(*found, atol=1e-5)
    trained = [
        encoder.apply(variables, image, True, method="vectors", rngs={"dropout": jax.random.key(key)})
        for key in (0, 1)
    ]
    assert np.abs(trained[0] - trained[1]).max() > 0.1


@pytest.mark.parametrize("kind", IMAGE)
def test_the_place_of_a_dot_matters(kind):
    """Pooling by the mean alone would see two dots on one grid of patches as the same."""
    module, variables = clip(kind, "bag")
    dots = np.zeros((2, 8, 8, 3), np.float32)
    dots[0, 0, 0] = dots[1, 4, 4] = 1
    one, other = module.apply(variables, dots, method=Clip.images)
    assert np.abs(one - other).max() > 1e-3


def test_the_published_count():
    """ "about 428 M" of ViT-L/14: both encoders, both projections, and the temperature."""
    module = clip_vit_l_14()
    shapes = jax.eval_shape(
        module.init, jax.random.key(0), jnp.zeros((1, 224, 224, 3)), jnp.zeros((1, 77), jnp.int32), jnp.ones(1, int)
    )
    assert sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(shapes)) == 427_616_513
