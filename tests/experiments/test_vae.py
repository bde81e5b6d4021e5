"""The VAE's flags fit together, or are refused in a sentence."""

import dataclasses

import jax
import numpy as np
import pytest

from deeplearn.data import Arrays, Dataset
from deeplearn.errors import UserError
from deeplearn.losses.vae import negative_elbo
from deeplearn.models.vae import VAE
from deeplearn.train.launch import parse
from experiments.autoencoders import vae


def grey_dataset():
    split = Arrays({"image": np.zeros((4, 8, 8, 1), np.float32)})
    return Dataset("grey", split, split, split, levels=3)


@pytest.mark.parametrize("network", ["dense", "conv"])
def test_the_networks_have_the_shapes_that_the_likelihood_asks_for(network):
    config = parse(vae.Config, ["--likelihood=logistic", "--components=2", f"--network={network}", "--features=2"])
    built = vae.build(dataclasses.replace(config, hidden=(5,), latents=3), grey_dataset())

    def shapes(key):
        return built.model.init(key, {"image": np.zeros((4, 8, 8, 1))}, method=negative_elbo)

    variables = jax.eval_shape(shapes, jax.random.key(0))
    outputs = jax.eval_shape(
        lambda v: built.model.apply(v, np.zeros((4, 3), np.float32), method=VAE.decode), variables
    )
    assert outputs.shape == (4, 64 * 6)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--objective=iwae", "--beta=2"], "has no --beta"),
        (["--likelihood=logistic", "--dataset=folder:x"], "has no images with grey levels"),
    ],
)
def test_what_does_not_fit_together_is_said(flags, message):
    dataset = grey_dataset()
    if "folder" in flags[1]:
        dataset = dataclasses.replace(dataset, levels=None)
    with pytest.raises(UserError, match=message):
        vae.build(parse(vae.Config, flags), dataset)
