"""VAE-GAN: reconstructions are compared in the features of a discriminator, and it judges them as well.

    python -m experiments.adversarial.vae_gan
    python -m experiments.adversarial.vae_gan --gamma=1 --workdir=runs/faithful

Larsen, Sønderby, Larochelle & Winther 2016. The decoder is the generator. With f a layer of the discriminator D,
L_rec = −log N(f(x); f(x̃), 1) up to a constant, x̃ a reconstruction; the encoder minimises KL + L_rec, the decoder
γ L_rec − L_GAN. As generated ones D is shown reconstructions and samples, half of each; its loss never reaches the
encoder. Rivals of the same networks: a VAE of Gaussian pixels, their one variance fitted (Rybkin et al. 2021), and
the GAN. Measured on test images: `reconstruction` (squared error of pixels) and `feature_reconstruction` (of the
judge's features); sharpness beside test images, of samples and of reconstructions; and samples as in
`adversarial.dcgan`, with its baselines. Not in the paper: dense networks, R1, a KL term that counts `--beta` times
(at 1 the codes of small networks say little), and averaged weights that draw.
"""

import dataclasses
from functools import partial
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from deeplearn import train as dl
from deeplearn.adversarial import turns
from deeplearn.adversarial.discriminator import Discriminator
from deeplearn.adversarial.images import declared, evaluation, leaky_relu
from deeplearn.adversarial.networks import ImageConfig
from deeplearn.adversarial.players import VAEGAN, ImageGAN
from deeplearn.adversarial.watch import ALARMS
from deeplearn.data import Dataset
from deeplearn.figures.grid import image_rows
from deeplearn.judge import judge, need_judge
from deeplearn.metrics.sharpness import sharpness
from deeplearn.models.conditional import FeatureCritic
from deeplearn.models.convolutional import ConvEncoder
from deeplearn.models.dcgan import Critic, DenseCritic, Generator
from deeplearn.models.dense_generator import DenseGenerator
from deeplearn.models.mixture_prior import GaussianPrior
from deeplearn.models.mlp import MLP

SHOWN = 12  # images on a sheet


@dataclasses.dataclass(frozen=True)
class Config(ImageConfig):
    steps: int = dl.flag(8000, "steps of all three", min=1)
    latents: int = dl.flag(32, "dimensions of the code", min=1)
    gamma: float = dl.flag(0.1, "weight γ of the reconstruction in the decoder's loss", min=0)
    beta: float = dl.flag(0.05, "weight of the KL term in the encoder's loss", min=0)
    learning_rate: float = 1e-3
    schedule: str = "cosine"
    beta1: float = 0.0
    beta2: float = 0.99
    r1: float = 1.0
    ema: float = 0.995

    # γ is that of the released code, where features are those of a convolution.
    PAPER = {
        "gamma": 1e-6,
        "beta": 1.0,
        "dataset": "stl10@64",
        "network": "convolutional",
        "width": 64,
        "latents": 128,
        "optimizer": "rmsprop",
        "beta1": 0.5,
        "beta2": 0.9,
        "learning_rate": 3e-4,
        "schedule": "constant",
        "r1": 0.0,
        "ema": 0.0,
        "steps": 100_000,
    }
    TINY = {"dataset": "digits", "width": 8, "latents": 2}


def encode(model: VAEGAN, batch: dl.Batch, beta: float) -> dl.Losses:
    again, kl = model.reconstructed(batch["image"])
    reconstruction = model.feature_error(batch["image"], again)
    return beta * kl + reconstruction, {"kl": kl, "reconstruction": reconstruction}


def decode(model: VAEGAN, batch: dl.Batch, game: str, gamma: float) -> dl.Losses:
    again, _ = model.reconstructed(batch["image"])
    deceived, _ = turns.generate(model, batch, game)
    return gamma * model.feature_error(batch["image"], again) + deceived, {}


def negative_elbo(model: VAEGAN, batch: dl.Batch) -> dl.Losses:
    """The VAE's. The variance that makes a batch likeliest is its mean squared error."""
    again, kl = model.reconstructed(batch["image"])
    error = jnp.square(again - batch["image"]).mean()
    pixels = batch["image"][0].size
    return pixels / 2 * jnp.log(error + 1e-6) + kl, {"kl": kl, "mse": error}


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    """Samples, and where there is an encoder the reconstructions of test images."""
    test = dataset.test.arrays()["image"]
    encodes = isinstance(trained.model, VAEGAN)
    rows = evaluation(VAEGAN.sample if encodes else ImageGAN.sample)(trained, dataset)
    metrics = {"sharpness": sharpness(rows[dl.OURS].arrays["image"], test)}
    if encodes:
        again = trained.over(VAEGAN.again, test)
        features, found = (judge(dataset)(image)[1] for image in (test, again))
        metrics["reconstruction"] = float(np.square(again - test).mean())
        metrics["feature_reconstruction"] = float(np.square(found - features).mean())
        metrics["reconstruction_sharpness"] = sharpness(again, test)
    return dl.ours({**rows[dl.OURS].metrics, **metrics}, **rows[dl.OURS].arrays)


def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
    image = dataset.validation.arrays(SHOWN)["image"]
    rows = {"images of validation": image}
    for name, title in (("vae_gan", "VAE-GAN"), ("vae", "VAE")):
        rows[f"by the {title}"] = trained[name](VAEGAN.again, image)
    for name, title in (("vae_gan", "VAE-GAN"), ("vae", "VAE"), ("gan", "GAN")):
        own = ImageGAN if name == "gan" else VAEGAN
        rows[f"samples of the {title}"] = trained[name](own.sample, count=2 * len(image))
    return image_rows({name: np.asarray(of) for name, of in rows.items()}, dataset.image_shape)


def figures(report: dl.Report, of_samples: Any) -> dict[str, Any]:
    return {"beside": lambda: sheet(report.trained, report.dataset), **of_samples(report)}


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    need_judge(dataset)
    config.need_shape(dataset)
    (side, _, channels), width = dataset.image_shape, config.units

    def encoder() -> nn.Module:
        if config.network == "convolutional":
            return ConvEncoder(width, 2 * config.latents)
        return MLP((width, width), 2 * config.latents)

    def generator() -> nn.Module:
        if config.network == "convolutional":
            return Generator(side, channels, width, hidden=())
        return DenseGenerator(dataset.image_shape, (width, width))

    def discriminator() -> Discriminator:
        trunk: nn.Module = DenseCritic((width,), leaky_relu, head=False)
        if config.network == "convolutional":
            trunk = Critic(width, head=False, hidden=())
        head = DenseCritic((width,), leaky_relu, config.minibatch_stddev)
        return config.discriminator(FeatureCritic(trunk, head))

    ours = config.chain(config.learning_rate, config.steps)
    game = config.stage(generate=partial(decode, gamma=config.gamma))
    first = dl.Turn(partial(encode, beta=config.beta), trains=("encoder",))
    both = dataclasses.replace(
        game,
        turns=[first, *game.turns],
        optimizers={**game.optimizers, "encoder": ours},  # type: ignore[dict-item]
    )
    alone = dl.Stage([dl.Turn(negative_elbo)], ours, config.steps, ema=config.ema or None)
    gan = ImageGAN(GaussianPrior(config.latents), generator(), discriminator())
    rivals = {
        "vae_gan": dl.Rival(VAEGAN(encoder(), generator(), config.latents, discriminator()), [both], evaluate),
        "vae": dl.Rival(VAEGAN(encoder(), generator(), config.latents), [alone], evaluate, row="VAE"),
        "gan": dl.Rival(gan, [config.stage()], evaluate, row="GAN"),
    }
    fields = declared(VAEGAN.sample, VAEGAN.walk, rival="vae_gan")
    claims = [
        dl.Claim("samples are closer to the data than the VAE's", dl.OURS, "VAE", "-frechet_distance"),
        dl.Claim("reconstructions look more alike than the VAE's", dl.OURS, "VAE", "-feature_reconstruction"),
    ]
    fields |= {"sheet": sheet, "claims": [*claims, *fields["claims"]]}
    fields["figures"] = partial(figures, of_samples=fields["figures"])
    return dl.side_by_side(rivals, data=dataset, alarms=ALARMS, **fields)


if __name__ == "__main__":
    dl.launch(Config, build)
