"""What is Imagen's own: dynamic thresholding, small pictures with noise, guidance in front of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.models.diffusion import Diffusion
from deeplearn.models.imagen import Imagen, dynamic_threshold, enlarge, estimate, seen_small
from deeplearn.models.imagen_sizes import TEXT_WIDTH, imagen_base, imagen_upsampler, t5_xxl_encoder
from deeplearn.models.text_reader import TextReader
from deeplearn.models.text_unet import Level, TextUNet
from deeplearn.nn.functional import area_means
from deeplearn.nn.noise import signal_and_noise

generator = np.random.default_rng(0)
IMAGE = generator.normal(scale=1.5, size=(3, 4, 4, 3)).astype(np.float32)
SMALL = generator.uniform(size=(3, 4, 4, 3)).astype(np.float32)


def test_dynamic_thresholding_is_what_numpy_says():
    for percentile in (0.0, 0.8, 1.0):
        found = np.asarray(dynamic_threshold(IMAGE, percentile))
        for image, made in zip(IMAGE, found, strict=True):
            s = max(np.percentile(np.abs(image), 100 * percentile), 1)
            np.testing.assert_allclose(made, np.clip(image, -s, s) / s, atol=1e-6)
    quiet = 0.3 * np.tanh(IMAGE)
    np.testing.assert_allclose(dynamic_threshold(quiet, 1.0), quiet, atol=1e-7)


def test_a_picture_enlarged_is_smooth_and_keeps_its_means_nearly():
    ramp = np.broadcast_to(np.linspace(0, 1, 8)[:, None, None], (1, 8, 8, 1))
    large = np.asarray(enlarge(ramp, 16))
    assert large.shape == (1, 16, 16, 1)
    np.testing.assert_allclose(np.diff(large[0, 4:12, 5, 0]), 1 / 14, atol=1e-3)
    np.testing.assert_allclose(area_means(large, 8)[0, 2:-2], ramp[0, 2:-2], atol=1e-2)


def test_small_pictures_are_seen_with_as_much_noise_as_is_said():
    clear, ratio = seen_small(SMALL, 8, 0.0, jax.random.key(0))
    np.testing.assert_allclose(clear, 2 * np.asarray(enlarge(SMALL, 8)) - 1, atol=0.02)
    assert ratio.shape == (3,) and ratio.max() <= 0.01
    large = np.broadcast_to(SMALL, (200, *SMALL.shape)).reshape(-1, 4, 4, 3)
    noisy, ratio = seen_small(large, 8, jnp.full(len(large), 0.5), jax.random.key(0))
    alpha, sigma = signal_and_noise(ratio[0])
    noise = (noisy - alpha * (2 * enlarge(large, 8) - 1)) / sigma
    np.testing.assert_allclose(ratio, 1, atol=1e-5)
    assert abs(noise.mean()) < 0.01 and abs(noise.std() - 1) < 0.01


def test_the_estimate_is_guided_within_range_and_adds_up_to_what_was_given():
    unet = TextUNet((Level(8, to_text=True),), head=8)
    model = Imagen(TextReader(6, 8, 1, 1), Diffusion(unet, 0.5, 0.25))
    text, length, ratio = np.array([[2, 4, 3]] * 3), np.array([3] * 3), np.array([0.5, 1, 4], np.float32)

    beneath = 0.5 * IMAGE[::-1]

    def both(model, guidance=None, beneath=0.0):
        condition, free = model.reader(text, length), model.reader(text, 0 * length)
        return estimate(model, IMAGE, ratio, condition, free, 0.9, beneath, guidance, number=0)

    shapes = jax.eval_shape(lambda key: model.init(key, 0.0, method=both), jax.random.key(0))
    variables = jax.tree.map(lambda leaf: generator.normal(scale=0.5, size=leaf.shape).astype(np.float32), shapes)
    ways = (), (3.0,), (None, beneath)
    none, some, details = jax.jit(lambda v: [model.apply(v, *way, method=both) for way in ways])(variables)
    for (data, noise), under in ((none, 0), (some, 0), (details, beneath)):
        alpha, sigma = (level[:, None, None, None] for level in signal_and_noise(ratio))
        np.testing.assert_allclose(alpha * data + sigma * noise, IMAGE, atol=1e-4)
        pixels = np.asarray(data) * 0.25 + 0.5 + under
        assert pixels.min() >= -1e-5 and pixels.max() <= 1 + 1e-5
    assert np.abs(none[0] - some[0]).max() > 0.01


def parameters(module, *shapes):
    leaves = jax.tree.leaves(jax.eval_shape(module.init, jax.random.key(0), *shapes))
    return sum(leaf.size for leaf in leaves)


@pytest.mark.slow
def test_published_sizes():
    """In billions; where ours differs from what is published, `imagen_sizes` says what the paper does not give."""
    shape = jax.ShapeDtypeStruct
    image, ratio = shape((1, 64, 64, 3), np.float32), shape((1,), np.float32)
    text = [shape((1, TEXT_WIDTH), np.float32), shape((1, 8, TEXT_WIDTH), np.float32), shape((1, 8), bool)]
    assert round(parameters(imagen_base(), image, ratio, *text) / 1e9, 2) == 2.05  # published: 2
    for to_itself, expected in ((True, 0.476), (False, 0.468)):  # published: .6 and .4
        found = parameters(imagen_upsampler(to_itself), image, ratio, *text, image, ratio)
        assert round(found / 1e9, 3) == expected
    tokens, length = shape((1, 8), np.int32), shape((1,), np.int32)
    encoder = parameters(t5_xxl_encoder(), tokens, length) - 32_128 * TEXT_WIDTH
    assert round(encoder / 1e9, 2) == 4.63  # published: 4.6
