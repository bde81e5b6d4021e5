"""DCGAN: generator and discriminator of strided convolutions with batch norm, on images of letters.

    python -m experiments.adversarial.dcgan
    python -m experiments.adversarial.dcgan --paper --dataset=folder:PATH@64 --workdir=runs/mine

Radford, Metz & Chintala 2015. The generator is a stack of transposed convolutions from the noise to the image, the
discriminator of halving convolutions from the image to one logit; both have batch norm, but not at the generator's
output nor at the discriminator's input. Kernels start from N(0, .02²). The data set's judge (`deeplearn.judge`)
measures samples against training images. Baselines: other training images, test images (of `glyphs`: in held-out
fonts), a Gaussian and a Gaussian mixture fitted to the pixels, a VAE of the generator's size. Not in the paper: R1
(Mescheder et al. 2018; of the discriminator with its averages of batch norm, so that each image has its own slope),
with rates five times the paper's and β₁ = 0; an average of the generator's weights that draws the samples
(`--ema=0` is without); rates that fall. `--paper` is the published network at 64 pixels, 1024-512-256-128 channels,
and its Adam of 2e-4 with β₁ = .5.
"""

import dataclasses

from deeplearn import train as dl
from deeplearn.adversarial.config import GameConfig
from deeplearn.adversarial.images import declared
from deeplearn.adversarial.players import ImageGAN
from deeplearn.adversarial.watch import ALARMS
from deeplearn.data import Dataset
from deeplearn.judge import need_judge
from deeplearn.models.dcgan import Critic, Generator, doublings
from deeplearn.models.mixture_prior import GaussianPrior

STD = 0.02  # of the kernels at the start


@dataclasses.dataclass(frozen=True)
class Config(GameConfig):
    dataset: str = "glyphs"
    batch_size: int = 64
    steps: int = dl.flag(8000, "generator steps", min=1)
    latents: int = dl.flag(100, "dimensions of the noise", min=1)
    width: int = dl.flag(16, "channels of the convolutions next to the image", min=1)
    learning_rate: float = 1e-3
    schedule: str = "cosine"
    beta1: float = 0.0
    beta2: float = 0.99
    r1: float = 1.0
    ema: float = 0.995

    # Its own data have no classes, which the judge needs: images of another set, at their size.
    PAPER = {
        "dataset": "stl10@64",
        "width": 128,
        "batch_size": 128,
        "learning_rate": 2e-4,
        "schedule": "constant",
        "beta1": 0.5,
        "beta2": 0.999,
        "r1": 0.0,
        "ema": 0.0,
        "steps": 500_000,
    }
    TINY = {"dataset": "digits", "width": 4, "latents": 4}


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    need_judge(dataset)
    dataset.need_square_images("convolutions make squares here")
    side, _, channels = dataset.image_shape
    doublings(side)
    generator = Generator(side, channels, config.width, hidden=(), std=STD)
    critic = Critic(config.width, True, config.minibatch_stddev, hidden=(), std=STD)
    return dl.Experiment(
        model=ImageGAN(GaussianPrior(config.latents), generator, config.discriminator(critic)),
        stages=[config.stage()],
        data=dataset,
        alarms=ALARMS,
        **declared(ImageGAN.sample, ImageGAN.walk),
    )


if __name__ == "__main__":
    dl.launch(Config, build)
