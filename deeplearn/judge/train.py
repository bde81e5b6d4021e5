"""How the judge of a data set is trained: network, loss, budget. A change here makes new judges."""

from __future__ import annotations

import jax
import numpy as np
import optax

from deeplearn.data import Dataset
from deeplearn.losses.classification import cross_entropy
from deeplearn.models.small_convnet import SmallConvNet
from deeplearn.train import Batch, Config, Experiment, Metrics, Stage, Trained, Turn, fit

BATCH = 64
EPOCHS = 30  # more would only make it surer of training images than of others
STEPS = (300, 4000)  # at least and at most, whatever the size of the training split
RATE = 1e-3  # Adam's at the start; it falls to 0 along a cosine
LARGE = 48  # pixels of the longer side from which images get a network of half the width


def network(dataset: Dataset) -> SmallConvNet:
    """The judge's network before training, its width chosen by the size of the images."""
    height, width, _ = dataset.image_shape
    return SmallConvNet(len(dataset.classes), width=32 if max(height, width) < LARGE else 16)


def classify(model: SmallConvNet, batch: Batch) -> tuple[jax.Array, Metrics]:
    logits, _ = model(batch["image"], train=True)
    return cross_entropy(logits, batch["label"])


def look(model: SmallConvNet, image: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Images [B, H, W, C] in [0, 1] -> logits [B, classes] and features [B, 128]."""
    return model(image, train=False)


def train(dataset: Dataset, seed: int) -> Trained:
    """The network, trained on the training split.

    Of a single class nothing is learned but batch norm's statistics: the features are those of random weights, good
    enough to compare sets of images on (Naeem et al. 2020).
    """
    size = min(BATCH, len(dataset.train))
    steps = int(np.clip(EPOCHS * len(dataset.train) // size, *STEPS)) if len(dataset.classes) > 1 else STEPS[0]
    stage = Stage([Turn(classify)], optax.adam(optax.cosine_decay_schedule(RATE, steps)), steps)
    experiment = Experiment(model=network(dataset), stages=[stage], data=dataset)
    config = Config(steps=steps, batch_size=size, seed=seed)
    return fit(experiment, config, f"the judge of {dataset.name}")
