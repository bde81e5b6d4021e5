"""Augmentations against loops over images, over many draws, and against torchvision (tests/golden/colours.py)."""

import functools
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import beta, chisquare, kstest, norm

from deeplearn.data import augmentation as augmentations
from deeplearn.data.augmentation import AUGMENTATIONS, augment, mixup, principal_colours
from deeplearn.errors import UserError

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "colours.npz")
generator = np.random.default_rng(0)
IMAGES = generator.uniform(0.1, 0.9, size=(300, 6, 7, 3)).astype(np.float32)  # nowhere black
COLOURS = principal_colours(IMAGES)
KEY = jax.random.key(1)


def compiled(function, *arguments, key=KEY, images=IMAGES, **settings):
    return np.asarray(jax.jit(lambda key, x: function(key, x, *arguments, **settings))(key, images))


def uniform(counts):
    """Whether counts could come from equally likely cases."""
    return chisquare(counts).pvalue > 1e-3


def where(images, candidates):
    """For each image, the number of the only candidate [N, …] that it equals."""
    equal = [np.all(candidate == images, axis=(1, 2, 3)) for candidate in candidates]
    assert (np.sum(equal, 0) == 1).all()
    return np.argmax(equal, 0)


def padded_windows(mode, reach, size):
    """Every window of each padded image, row by row of places."""
    images = np.pad(IMAGES, ((0, 0), (reach, reach), (reach, reach), (0, 0)), mode=mode)
    rows, columns = images.shape[1] - size[0] + 1, images.shape[2] - size[1] + 1
    return [images[:, i : i + size[0], j : j + size[1]] for i in range(rows) for j in range(columns)]


@pytest.mark.parametrize("size, padding", [((6, 7), 2), ((4, 3), 0), ((5, 5), 1)])
def test_a_crop_is_one_of_all_windows_each_as_likely(size, padding):
    candidates = padded_windows("constant", padding, size)
    chosen = where(compiled(augmentations.crop, size, padding), candidates)
    assert uniform(np.bincount(chosen, minlength=len(candidates)))


def test_a_window_larger_than_the_image_is_refused():
    with pytest.raises(ValueError, match="no window"):
        augmentations.crop(KEY, IMAGES, (9, 7), padding=1)


def test_a_translation_repeats_the_edge_each_shift_as_likely():
    candidates = padded_windows("edge", 2, (6, 7))
    chosen = where(compiled(augmentations.translate, 2), candidates)
    assert uniform(np.bincount(chosen, minlength=25))


def test_windows_at_known_places():
    top, left = np.arange(300) % 3, np.arange(300) % 4
    found = augmentations.windows(IMAGES, top, left, (4, 4))
    expected = [image[i : i + 4, j : j + 4] for image, i, j in zip(IMAGES, top, left, strict=True)]
    np.testing.assert_array_equal(found, expected)


def test_half_the_images_are_mirrored():
    flipped = compiled(augmentations.flip)
    assert uniform(np.bincount(where(flipped, [IMAGES, IMAGES[:, :, ::-1]])))
    np.testing.assert_array_equal(compiled(augmentations.flip, images=flipped), IMAGES)  # the same key: twice


@pytest.mark.parametrize("side", [1, 3, 4])
def test_cutout_blackens_a_square_about_any_pixel(side):
    candidates = []
    for row in range(6):
        for column in range(7):
            top, left = row - side // 2, column - side // 2
            candidate = IMAGES.copy()
            candidate[:, max(top, 0) : top + side, max(left, 0) : left + side] = 0
            candidates.append(candidate)
    chosen = where(compiled(augmentations.cutout, side), candidates)
    assert uniform(np.bincount(chosen, minlength=42))


def test_principal_colours_are_scikit_learn_s():
    from sklearn.decomposition import PCA

    images = (IMAGES @ np.array([[1, 0.5, 0.2], [0, 1, 0.3], [0, 0, 0.4]])).astype(np.float32)
    pca = PCA().fit(images.reshape(-1, 3))
    variances, directions = principal_colours(images)
    np.testing.assert_allclose(variances, pca.explained_variance_, rtol=1e-4)
    np.testing.assert_allclose(np.abs(np.sum(directions.T * pca.components_, 1)), 1, rtol=1e-5)


def test_pca_colour_adds_one_normal_colour_to_a_whole_image():
    skew = (IMAGES @ np.array([[1, 0.5, 0.2], [0, 1, 0.3], [0, 0, 0.4]])).astype(np.float32)
    colours = principal_colours(skew)
    added = compiled(augmentations.pca_colour, colours) - IMAGES
    np.testing.assert_allclose(added, np.broadcast_to(added[:, :1, :1], added.shape), atol=2e-7)
    alpha = added[:, 0, 0] @ colours.directions / colours.variances
    for component in alpha.T:
        assert kstest(component, norm(0, 0.1).cdf).pvalue > 1e-3
    assert np.abs(np.corrcoef(alpha.T) - np.eye(3)).max() < 0.15


@pytest.mark.parametrize("channels", ["colour", "grey"])
@pytest.mark.parametrize("adjust", ["adjust_brightness", "adjust_contrast", "adjust_saturation"])
def test_adjustments_are_torchvision_s(adjust, channels):
    found = jax.jit(getattr(augmentations, adjust))(GOLDEN[channels], GOLDEN["factors"])
    np.testing.assert_allclose(found, GOLDEN[f"{adjust} {channels}"], atol=1e-6)


@pytest.mark.parametrize("strength", ["brightness", "contrast", "saturation"])
def test_jitter_draws_each_factor_evenly_and_for_each_image(strength):
    images = 0.4 + 0.2 * IMAGES  # so that nothing is clipped
    strengths = {"brightness": 0.0, "contrast": 0.0, "saturation": 0.0, strength: 0.3}
    found = compiled(augmentations.colour_jitter, images=images, **strengths).astype(np.float64)
    grey = images @ np.array([0.2989, 0.587, 0.114])
    anchor = {"brightness": 0 * grey, "contrast": grey.mean((1, 2), keepdims=True), "saturation": grey}[strength]
    own, moved = images - anchor[..., None], found - anchor[..., None]
    factors = np.sum(own * moved, (1, 2, 3)) / np.sum(own**2, (1, 2, 3))
    np.testing.assert_allclose(found, anchor[..., None] + factors[:, None, None, None] * own, atol=1e-5)
    assert kstest(factors, lambda f: np.clip((f - 0.7) / 0.6, 0, 1)).pvalue > 1e-3


def test_jitter_takes_brightness_then_contrast_then_saturation():
    found = compiled(augmentations.colour_jitter)
    factors = jax.random.uniform(KEY, (3, 300), minval=0.6, maxval=1.4)
    expected = augmentations.adjust_brightness(IMAGES, factors[0])
    expected = augmentations.adjust_contrast(expected, factors[1])
    expected = augmentations.adjust_saturation(expected, factors[2])
    np.testing.assert_allclose(found, expected, atol=1e-6)
    other_order = augmentations.adjust_brightness(augmentations.adjust_contrast(IMAGES, factors[1]), factors[0])
    assert np.abs(augmentations.adjust_saturation(other_order, factors[2]) - expected).max() > 1e-2


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_mixup_mixes_images_and_labels_by_one_beta_weight(alpha):
    label = generator.integers(5, size=300)
    found, targets = jax.jit(lambda key, x, y: mixup(key, x, y, 5, alpha))(KEY, IMAGES, label)
    np.testing.assert_allclose(np.sum(targets, 1), 1, atol=1e-6)
    weights = []
    for i in range(300):
        own, partner = IMAGES[i].ravel(), IMAGES[i - 1].ravel()
        weight = np.dot(found[i].ravel() - partner, own - partner) / np.dot(own - partner, own - partner)
        np.testing.assert_allclose(found[i].ravel(), weight * own + (1 - weight) * partner, atol=1e-6)
        expected = weight * np.eye(5)[label[i]] + (1 - weight) * np.eye(5)[label[i - 1]]
        np.testing.assert_allclose(targets[i], expected, atol=1e-5)
        weights.append(np.clip(weight, 0, 1))
    assert kstest(weights, beta(alpha, alpha).cdf).pvalue > 1e-3


SINGLE = {
    "crop": lambda key, x: augmentations.crop(key, x, (6, 7), padding=1),
    "translate": lambda key, x: augmentations.translate(key, x, 1),
    "flip": augmentations.flip,
    "pca_colour": lambda key, x: augmentations.pca_colour(key, x, COLOURS),
    "colour_jitter": augmentations.colour_jitter,
    "cutout": lambda key, x: augmentations.cutout(key, x, 3),
}


def test_names_are_taken_in_their_order_each_with_its_own_key():
    for names in (("cutout", "translate", "flip"), ("flip", "pca_colour", "colour_jitter", "crop")):
        expected = IMAGES
        for number, name in enumerate(names):
            changed = jax.jit(SINGLE[name])(jax.random.fold_in(KEY, number), expected)
            assert not np.array_equal(changed, expected)
            expected = changed
        found = compiled(functools.partial(augment, ",".join(names), colours=COLOURS))
        np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_array_equal(augment("", KEY, IMAGES), IMAGES)
    assert set(SINGLE) == set(AUGMENTATIONS)


def test_fractions_of_the_side_suit_small_and_large_images():
    """Of 32 pixels: shifts up to 4 and a hole of 16; of 8: 1 and 4."""
    for side in (8, 32):
        ramp = jnp.broadcast_to(jnp.arange(side, dtype=jnp.float32)[:, None, None] + 1, (400, side, side, 1))
        shift = np.asarray(augment("translate", KEY, ramp))[:, side // 2, 0, 0] - (side // 2 + 1)
        assert (shift.min(), shift.max()) == (-side // 8, side // 8)
        black = (np.asarray(augment("crop", KEY, ramp)) == 0).all(2).sum((1, 2))  # rows that came from the padding
        assert black.max() == side // 8
        hole = (np.asarray(augment("cutout", KEY, ramp)) == 0).sum((1, 2, 3))
        assert hole.max() == (side // 2) ** 2


@pytest.mark.parametrize("name", [*AUGMENTATIONS, "mixup"])
def test_the_key_alone_decides(name):
    @jax.jit
    def change(key, images):
        if name == "mixup":
            return mixup(key, images, jnp.arange(300) % 5, 5)[0]
        return augment(name, key, images, COLOURS)

    first, again, other = (np.asarray(change(key, IMAGES)) for key in (KEY, jax.random.key(1), jax.random.key(2)))
    np.testing.assert_array_equal(first, again)
    assert (np.abs(first - other).max((1, 2, 3)) > 0).mean() > 0.3
    halves = change(KEY, IMAGES.astype(jnp.bfloat16))
    assert halves.dtype == jnp.bfloat16 and first.dtype == np.float32
    np.testing.assert_allclose(halves.astype(np.float32), first, atol=0.02)


def test_grey_images_change_as_three_equal_colours_do():
    def all_of_them(key, images):
        return [augment(name, key, images) for name in AUGMENTATIONS if name != "pca_colour"]

    grey = IMAGES[..., :1]
    found, expected = jax.jit(lambda x, y: (all_of_them(KEY, x), all_of_them(KEY, y)))(grey, np.repeat(grey, 3, -1))
    for one, three in zip(found, expected, strict=True):
        assert one.shape == grey.shape and not np.array_equal(one, grey)
        np.testing.assert_allclose(np.repeat(one, 3, -1), three, atol=1e-4)


def test_mistakes_end_in_a_sentence():
    with pytest.raises(UserError, match="no augmentation 'filp': choose from crop, translate"):
        jax.eval_shape(lambda: augment("crop,filp", KEY, IMAGES))
    for refuse in (lambda x: augment("pca_colour", KEY, x, COLOURS), principal_colours):
        with pytest.raises(UserError, match="pca_colour needs images of three colours: these have 1"):
            refuse(IMAGES[..., :1])
    with pytest.raises(UserError, match="three colours: these have 2 channels"):
        jax.eval_shape(lambda: augment("colour_jitter", KEY, IMAGES[..., :2]))
    with pytest.raises(ValueError, match="principal_colours"):
        augment("pca_colour", KEY, IMAGES)
