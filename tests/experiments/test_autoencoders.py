"""The losses of the sparse and the denoising autoencoder by hand, and what the experiments refuse."""

import jax
import numpy as np
import pytest
from scipy.special import expit

from deeplearn.data import Arrays, Dataset
from deeplearn.errors import UserError
from deeplearn.models.autoencoder import autoencoder as network
from deeplearn.models.autoencoder import decode, encode, reconstruct
from deeplearn.nn.tied import TiedAutoencoder
from deeplearn.train import Trained
from deeplearn.train.launch import parse
from experiments.autoencoders import autoencoder, denoising, reduction, sparse

GENERATOR = np.random.default_rng(0)


@pytest.fixture(name="dataset", scope="module")
def correlated_images():
    """Images of 4×4 pixels on a plane of three dimensions, and a little off it."""
    codes, basis = GENERATOR.normal(size=(300, 3)), GENERATOR.normal(size=(3, 16))
    pixels = expit(codes @ basis) + 0.02 * GENERATOR.normal(size=(300, 16))
    label = (codes[:, 0] > 0).astype(np.int32)
    image = pixels.clip(0, 1).reshape(-1, 4, 4, 1).astype(np.float32)
    parts = [Arrays({"image": image[a:b], "label": label[a:b]}) for a, b in ((0, 200), (200, 250), (250, 300))]
    return Dataset("toy", *parts, classes=("a", "b"))


def with_random_weights(model):
    shapes = jax.eval_shape(lambda key: model.init(key, np.zeros((2, 16), np.float32)), jax.random.key(0))
    weights = jax.tree.map(lambda leaf: 0.5 * GENERATOR.normal(size=leaf.shape).astype(np.float32), shapes)
    return Trained(model, weights, jax.random.key(1))


@pytest.mark.parametrize("page", [autoencoder, reduction])
def test_a_code_as_large_as_the_image_is_refused(dataset, page):
    with pytest.raises(UserError, match="smaller than the images, of 16 pixels"):
        page.build(parse(page.Config, ["--codes=2,16"]), dataset)


@pytest.mark.parametrize("page", [autoencoder, reduction])
def test_the_largest_code_s_row_is_the_run_s_own(dataset, page):
    experiment = page.build(parse(page.Config, ["--codes=2,5,3"]), dataset)
    assert [facts["code"] for facts in experiment.rivals.values()] == [5, 3, 2]
    rows = {page.row_of(code, (2, 5, 3)) for code in (2, 5, 3)}
    assert rows == {"ours", "autoencoder(3)", "autoencoder(2)"}
    assert {claim.better for claim in experiment.claims} == rows


def test_the_sparse_loss_is_half_the_squared_error_and_the_penalty(dataset):
    trained, batch = with_random_weights(TiedAutoencoder(16, (8,))), dataset.train.arrays(20)
    x = batch["image"].reshape(20, 16)
    code = np.asarray(trained(encode, x))
    error, mean = 0.5 * np.square(trained(decode, code) - x).sum(1).mean(), code.mean(0)
    kl = (0.1 * np.log(0.1 / mean) + 0.9 * np.log(0.9 / (1 - mean))).sum()
    found = trained(sparse.sparse, batch, weight=2.0, target=0.1)[0]
    assert float(found) == pytest.approx(error + 2 * kl, rel=1e-4)
    assert float(trained(sparse.plain, batch)[0]) == pytest.approx(error, rel=1e-4)


def test_denoising_wants_the_clean_image_back(dataset):
    """With everything masked the network sees nothing, and its constant output is compared with the clean
    images."""
    trained, batch = with_random_weights(network(16, (8, 4))), dataset.train.arrays(20)
    answer = np.asarray(trained(reconstruct, np.zeros((1, 16), np.float32)))
    found = float(trained(denoising.denoise, batch, corruption="masking", amount=1.0)[0])
    assert found == pytest.approx(np.square(answer - batch["image"].reshape(20, 16)).mean(), rel=1e-4)


def test_all_methods_see_the_same_corrupted_images():
    """Flat images and images with their axes are corrupted in the same way."""
    images = GENERATOR.uniform(size=(6, 4, 4, 1)).astype(np.float32)
    for worse in denoising.corruptions(denoising.Config()).values():
        found = worse(images, 0)
        np.testing.assert_array_equal(found.reshape(6, 16), worse(images.reshape(6, 16), 0))
        assert np.abs(found - images).max() > 0 and np.abs(found - worse(images, 1)).max() > 0
