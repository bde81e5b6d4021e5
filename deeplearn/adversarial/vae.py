"""A variational autoencoder of a generator's size: what a generator of the same data is compared with."""

from __future__ import annotations

import numpy as np
import optax

from deeplearn import train as dl
from deeplearn.data import Dataset
from deeplearn.losses.likelihoods import Bernoulli
from deeplearn.losses.vae import negative_elbo
from deeplearn.models.vae import VAE

LATENTS = 16
STEPS = 3000  # at most: more gain little on small images
BATCH, RATE = 128, 2e-3


def width_of(weights: int, pixels: int) -> int:
    """Of two hidden layers, so that a dense decoder has about as many weights: w² + (latents + pixels) w."""
    b = LATENTS + pixels
    return max(2, round((np.sqrt(b**2 + 4 * weights) - b) / 2))


def vae_draws(dataset: Dataset, count: int, weights: int, steps: int, seed: int) -> np.ndarray:
    """[count, height, width, channels]: mean images of z ~ p(z) of a dense VAE, trained here on the training split.

    weights: about as many as the decoder has; the encoder mirrors it. It takes `steps` steps, at most `STEPS`.
    Pixels are Bernoullis whose grey levels are probabilities, as is usual where samples are what counts.
    """
    width, steps = width_of(weights, dataset.pixels), min(steps, STEPS)
    model = VAE(dataset.image_shape, LATENTS, (width, width), Bernoulli(cut=False))
    stage = dl.Stage([dl.Turn(negative_elbo)], optax.adam(optax.cosine_decay_schedule(RATE, steps)), steps)
    config = dl.Config(steps=steps, batch_size=min(BATCH, len(dataset.train)), seed=seed)
    trained = dl.fit(dl.Experiment(model=model, stages=[stage], data=dataset), config, "a VAE to compare with")
    return np.asarray(trained(VAE.sample, count=count))
