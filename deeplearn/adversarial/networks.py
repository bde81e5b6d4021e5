"""Generator and discriminator of images, of dense layers or of convolutions."""

from __future__ import annotations

import flax.linen as nn

from deeplearn.adversarial.images import leaky_relu
from deeplearn.data import Dataset
from deeplearn.models.dcgan import Critic, DenseCritic, Generator, doublings
from deeplearn.models.dense_generator import DenseGenerator

KINDS = ("dense", "convolutional")


def image_networks(
    kind: str, width: int, dataset: Dataset, minibatch_stddev: bool = False, head: bool = True
) -> tuple[nn.Module, nn.Module]:
    """(generator, discriminator) of the data set's images, of a kind of `KINDS`.

    width: units of a dense layer (0: 256), or channels next to the image (0: 32). head: whether the discriminator
    ends with its score or with its last hidden layer. UserError where convolutions cannot make such images.
    """
    if kind == "dense":
        hidden = (width or 256,) * 3
        return DenseGenerator(dataset.image_shape, hidden), DenseCritic(hidden, leaky_relu, minibatch_stddev, head)
    dataset.need_square_images("convolutions make squares here, --network=dense any shape")
    side, _, channels = dataset.image_shape
    doublings(side)
    generator = Generator(side, channels, width or 32)
    return generator, Critic(width or 32, minibatch_stddev=minibatch_stddev, head=head)
