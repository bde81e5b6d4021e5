"""WGAN-GP: a critic with a gradient penalty estimates the earth mover's distance to images of letters.

    python -m experiments.adversarial.wgan_gp

Gulrajani et al. 2017. The critic takes five turns to the generator's one. The data set's judge (`deeplearn.judge`)
measures the samples against training images: distances on its features (not the Inception network's, so none is an
"FID"), precision, recall, the fraction whose class it is confident of. Baselines: other training images, which is
what a perfect model would get; test images (of `glyphs`: in held-out fonts); a Gaussian and a Gaussian mixture
fitted to the pixels; a VAE of the generator's size.
Not in the paper: dense networks (`--network=convolutional` is closer to it) and mixture noise
(`deeplearn/models/mixture_prior.py`; `--components=1` is Gaussian).
"""

import dataclasses

from deeplearn import train as dl
from deeplearn.adversarial.images import declared
from deeplearn.adversarial.networks import ImageConfig
from deeplearn.adversarial.players import ImageGAN
from deeplearn.adversarial.watch import ALARMS
from deeplearn.data import Dataset
from deeplearn.judge import need_judge
from deeplearn.models.mixture_prior import GaussianPrior, MixturePrior


@dataclasses.dataclass(frozen=True)
class Config(ImageConfig):
    steps: int = dl.flag(24_000, "generator steps", min=1)
    latents: int = dl.flag(16, "dimensions of the noise's Gaussian part", min=1)
    components: int = dl.flag(1024, "learned vectors of which the noise holds one (1: it is Gaussian)", min=1)
    game: str = "wasserstein"
    gradient_penalty: float = 1.0
    discriminator_turns: int = 5
    learning_rate: float = 2e-3
    schedule: str = "cosine"
    beta1: float = 0.0
    beta2: float = 0.9
    ema: float = 0.995

    # The released code's configuration for MNIST.
    PAPER = {
        "dataset": "mnist",
        "network": "convolutional",
        "width": 64,
        "latents": 128,
        "components": 1,
        "batch_size": 50,
        "gradient_penalty": 10.0,
        "learning_rate": 1e-4,
        "schedule": "constant",
        "beta1": 0.5,
        "ema": 0.0,
        "steps": 200_000,
    }
    TINY = {"dataset": "digits", "width": 8}


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    need_judge(dataset)
    generator, critic = config.networks(dataset)
    mixed = config.components > 1
    prior = MixturePrior(config.latents, config.components) if mixed else GaussianPrior(config.latents)
    return dl.Experiment(
        model=ImageGAN(prior, generator, config.discriminator(critic)),
        stages=[config.stage(generator=("generator", "prior") if mixed else ("generator",))],
        data=dataset,
        alarms=ALARMS,
        **declared(ImageGAN.sample, ImageGAN.walk),
    )


if __name__ == "__main__":
    dl.launch(Config, build)
