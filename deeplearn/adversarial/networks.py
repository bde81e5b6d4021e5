"""The flags of games over images, and the networks that they choose: of dense layers or of convolutions."""

from __future__ import annotations

import dataclasses

import flax.linen as nn

from deeplearn import train as dl
from deeplearn.adversarial.config import GameConfig
from deeplearn.adversarial.images import leaky_relu
from deeplearn.data import Dataset
from deeplearn.models.dcgan import HIDDEN, Critic, DenseCritic, Generator, doublings
from deeplearn.models.dense_generator import DenseGenerator

UNITS = {"dense": 256, "convolutional": 32}


@dataclasses.dataclass(frozen=True)
class ImageConfig(GameConfig):
    """The flags of a game over images; a page sets the defaults."""

    dataset: str = "glyphs"
    batch_size: int = 64
    network: str = dl.flag("dense", "layers of all networks", choices=tuple(UNITS))
    width: int = dl.flag(0, "units of a dense layer (0: 256) or channels next to the image (0: 32)", min=0)

    @property
    def units(self) -> int:
        return self.width or UNITS[self.network]

    def need_shape(self, dataset: Dataset) -> None:
        """UserError where the networks cannot make such images."""
        if self.network == "convolutional":
            dataset.need_square_images("convolutions make squares here, --network=dense any shape")
            doublings(dataset.image_shape[0])

    def networks(
        self, dataset: Dataset, head: bool = True, hidden: tuple[int, ...] = HIDDEN
    ) -> tuple[nn.Module, nn.Module]:
        """(generator, discriminator) of the data set's images; UserError where these cannot be made.

        head: whether the discriminator ends with its score or with its last hidden layer. hidden: widths of the
        dense layers beside convolutions.
        """
        self.need_shape(dataset)
        if self.network == "dense":
            widths = (self.units,) * 3
            critic = DenseCritic(widths, leaky_relu, self.minibatch_stddev, head)
            return DenseGenerator(dataset.image_shape, widths), critic
        side, _, channels = dataset.image_shape
        convolutional = Critic(self.units, minibatch_stddev=self.minibatch_stddev, head=head, hidden=hidden)
        return Generator(side, channels, self.units, hidden=hidden), convolutional
