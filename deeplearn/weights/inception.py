"""The Inception network's features, by which true FIDs and KIDs are measured, from a file of weights."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from deeplearn.models.inception_v3 import InceptionV3, fid_form
from deeplearn.nn.checks import IMAGES, assert_shapes
from deeplearn.weights.convert import convert
from deeplearn.weights.files import read_tensors
from deeplearn.weights.members import of_zoo

SIDE = 299
BLOCK = 16  # images that the network sees at once
FID_CLASSES = 1008  # of TensorFlow's network of 2015, which published FIDs are of; others have 1000


@dataclasses.dataclass(frozen=True)
class Inception:
    """features: what the last pooling gives, [N, 2048] of N images.

    published: whether it is the network that published FIDs are of; others give numbers of their own.
    """

    net: InceptionV3
    variables: Any
    published: bool

    def __call__(self, images: Iterator[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Features [N, 2048] and probabilities [N, classes] of images, each [H, W, 1 or 3] in [0, 1].

        They may differ in size: each is resized to 299×299 as the FID's port to torch does.
        """
        found = [(np.asarray(a), np.asarray(b)) for a, b in map(self._block, _blocks(images))]
        features, probabilities = zip(*found, strict=True)
        return np.concatenate(features), np.concatenate(probabilities)

    def _block(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        full = np.resize(images, (BLOCK, *images.shape[1:]))  # every number of images would be compiled again
        features, probabilities = _look(self.net, self.variables, full)
        return features[: len(images)], probabilities[: len(images)]


def read_inception(path: Path) -> Inception:
    """The network in a file of torchvision, Keras or pytorch-fid; UserError where it holds another."""
    tensors = read_tensors(path)
    found = of_zoo(tensors, "inception_v3", path)
    published = found.library == "torchvision" and found.net.classes == FID_CLASSES
    net = fid_form(found.net) if published else found.net
    return Inception(net, convert(net, found.variables, found.tensors, path), published)


def resized(images: jax.Array) -> jax.Array:
    """[B, H, W, C] -> [B, 299, 299, C]: between the four nearest pixels, also where it shrinks, as torch's
    `interpolate` has it (bilinear, align_corners=False)."""
    assert_shapes(images=(images, IMAGES))
    shape = (len(images), SIDE, SIDE, images.shape[-1])
    return jax.image.resize(images, shape, "bilinear", antialias=False)


def pooled_and_logits(net: InceptionV3, variables: Any, images: jax.Array) -> tuple[jax.Array, jax.Array]:
    """[B, H, W, 1 or 3] in [0, 1] -> features [B, 2048], logits [B, classes]."""
    colours = jnp.broadcast_to(images, (*images.shape[:-1], 3))
    logits, state = net.apply(
        variables, 2 * resized(colours) - 1, capture_intermediates=_pooled, mutable=["intermediates"]
    )
    (features,) = jax.tree.leaves(state["intermediates"])
    return features, logits


def _pooled(module: Any, method: str) -> bool:
    return module.name == "Dropout_0"  # evaluation mode: it passes the pooled maps on


@functools.partial(jax.jit, static_argnums=0)
def _look(net: InceptionV3, variables: Any, images: jax.Array) -> tuple[jax.Array, jax.Array]:
    features, logits = pooled_and_logits(net, variables, images)
    return features, jax.nn.softmax(logits)


def _blocks(images: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """Images that follow each other and have one shape, at most 16 at a time."""
    block: list[np.ndarray] = []
    for image in images:
        if block and (len(block) == BLOCK or image.shape != block[0].shape):
            yield np.stack(block)
            block = []
        block.append(image)
    if block:
        yield np.stack(block)
