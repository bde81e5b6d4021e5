"""The losses and measures of the plain, sparse and denoising autoencoders, by hand."""

import dataclasses

import jax
import numpy as np
import pytest
from scipy.special import expit, log_expit

from deeplearn.data import Arrays, Dataset
from deeplearn.errors import UserError
from deeplearn.train import Trained
from deeplearn.train.launch import parse
from experiments.autoencoders import autoencoder, denoising, sparse

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


def built(module, dataset, *flags):
    """(experiment, it with random weights)"""
    config = dataclasses.replace(parse(module.Config, flags), **module.Config.TINY)
    experiment = module.build(config, dataset)
    batch = {"image": np.zeros((2, 4, 4, 1), np.float32)}

    def every_loss(model, batch):
        return sum(turn.loss(model, batch)[0] for turn in experiment.stages[0].turns)

    shapes = jax.eval_shape(lambda key: experiment.model.init(key, batch, method=every_loss), jax.random.key(0))
    weights = jax.tree.map(lambda leaf: 0.5 * GENERATOR.normal(size=leaf.shape).astype(np.float32), shapes)
    return experiment, Trained(experiment.model, weights, jax.random.key(1))


def losses(experiment, trained, batch):
    return {turn.name: trained(turn.loss, batch) for turn in experiment.stages[0].turns}


@pytest.mark.parametrize("tied", ["--tied", "--notied"])
@pytest.mark.parametrize("kind", ["squared", "cross_entropy"])
def test_the_autoencoder_s_losses(dataset, tied, kind):
    experiment, trained = built(autoencoder, dataset, tied, f"--loss={kind}")
    batch = dataset.train.arrays(20)
    x = batch["image"].reshape(20, 16)
    for network, (found, metrics) in losses(experiment, trained, batch).items():
        logits = np.asarray(trained(lambda model, x, network=network: model[network](x)[1], x))
        squared = np.square(expit(logits) - x).mean()
        cross_entropy = -(x * log_expit(logits) + (1 - x) * log_expit(-logits)).sum(1).mean()
        assert float(found) == pytest.approx(squared if kind == "squared" else cross_entropy, rel=1e-4)
        assert float(metrics["mse"]) == pytest.approx(squared, rel=1e-4)


def test_pca_s_error_is_the_energy_outside_its_components(dataset):
    train, test = (split.arrays()["image"].reshape(-1, 16) for split in (dataset.train, dataset.test))
    directions = np.linalg.svd(train - train.mean(0))[2][:3]
    centred = test - train.mean(0)
    expected = np.square(centred - centred @ directions.T @ directions).mean()
    assert autoencoder.pca(dataset, 3)["mse"] == pytest.approx(expected, rel=1e-3)


def test_a_code_as_large_as_the_image_is_refused(dataset):
    with pytest.raises(UserError, match="between 1 and 15"):
        autoencoder.build(parse(autoencoder.Config, ["--codes=2,16"]), dataset)


def test_the_sparse_loss_is_half_the_squared_error_and_the_penalty(dataset):
    experiment, trained = built(sparse, dataset, "--target=.1", "--sparsity=2")
    batch = dataset.train.arrays(20)
    x = batch["image"].reshape(20, 16)
    found = losses(experiment, trained, batch)
    for network in sparse.NETWORKS:
        code, image = (np.asarray(a) for a in trained(sparse.code_and_image, x, network=network))
        error, mean = 0.5 * np.square(image - x).sum(1).mean(), code.mean(0)
        kl = (0.1 * np.log(0.1 / mean) + 0.9 * np.log(0.9 / (1 - mean))).sum() if network == "sparse" else 0
        assert float(found[f"{network}_loss"][0]) == pytest.approx(error + 2 * kl, rel=1e-4)


def test_denoising_wants_the_clean_image_back(dataset):
    """With everything masked the network sees nothing, and its one answer is compared with the clean images."""
    experiment, trained = built(denoising, dataset, "--masking=1")
    batch = dataset.train.arrays(20)
    x = batch["image"].reshape(20, 16)
    answer = np.asarray(trained(denoising.clean, np.zeros((1, 16), np.float32), network="masking"))
    found = float(losses(experiment, trained, batch)["masking"][0])
    assert found == pytest.approx(np.square(answer - x).mean(), rel=1e-4)


def test_the_denoising_baselines_find_the_plane(dataset):
    """On data near three dimensions components take away most of the noise, and regression takes away more."""
    rows = denoising.classical(dataset, "gaussian", denoising.Config())
    assert rows["noisy image"] == pytest.approx(0.25**2, rel=0.1)
    assert rows["PCA + ridge"] < rows["PCA"] < 0.7 * rows["noisy image"]
    assert rows["non-local means"] < rows["noisy image"]
