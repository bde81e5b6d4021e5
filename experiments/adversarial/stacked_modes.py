"""A thousand modes: three digits stacked as colours, by the GAN, packed, with R1 and as WGAN-GP.

    python -m experiments.adversarial.stacked_modes

The protocol of stacked MNIST (Metz et al. 2017, section 3.3.1; Lin et al. 2018, section 4.2): a judge of single
digits tells what is in each channel of 10,000 samples (there 26,000), the three digits are one of 1000 modes.
Of `stacked_glyphs`, 14×14 pixels, by dense networks. Measured, with the same steps of the generator: modes, and
the KL of the model from the data over them. A judge sees some digit in any noise, so the row of independent
pixels has many modes too: read with them the fraction of samples of which the judge is sure in all channels
(`confident`), and the modes among those. Baselines: test images, in other fonts; pixels drawn independently.
Published rows are of stacked MNIST, which is other data, and of convolutional networks.
"""

import dataclasses
from functools import partial
from typing import Any

import numpy as np

from deeplearn import train as dl
from deeplearn.adversarial.config import GameConfig
from deeplearn.adversarial.images import leaky_relu
from deeplearn.adversarial.players import ImageGAN
from deeplearn.adversarial.watch import ALARMS
from deeplearn.data import Dataset
from deeplearn.figures.grid import image_grid
from deeplearn.figures.plots import bars
from deeplearn.judge.stacked import judge_of_channels, kinds, stacked_labels
from deeplearn.metrics.mixture import modes_of
from deeplearn.models.dcgan import DenseCritic
from deeplearn.models.dense_generator import DenseGenerator
from deeplearn.models.mixture_prior import GaussianPrior
from deeplearn.train.config import named

SAMPLES, BLOCK = 10_000, 1000
CONFIDENT = 0.9  # probability of each digit above which the judge is sure of an image
FIRST = "gan"
# What each changes in the flags.
METHODS: dict[str, dict[str, Any]] = {
    FIRST: {},
    "packed_2": {"packing": 2},
    "r1": {"r1": 0.1},
    "wgan_gp": {"game": "wasserstein", "gradient_penalty": 1.0, "discriminator_turns": 3, "beta2": 0.9},
}
# Srivastava et al. 2017 (VEEGAN), table 2, and Lin et al. 2018 (PacGAN), table 3.
PUBLISHED = {
    f"stacked MNIST, {source}": {"modes": modes, "reverse_kl": kl}
    for source, modes, kl in (
        ("VEEGAN's DCGAN", 99, 3.40),
        ("VEEGAN's unrolled GAN", 48.7, 4.32),
        ("VEEGAN", 150, 2.95),
        ("PacGAN's DCGAN", 78.9, 4.50),
        ("PacDCGAN2", 1000, 0.06),
    )
}


@dataclasses.dataclass(frozen=True)
class Config(GameConfig):
    dataset: str = "stacked_glyphs"
    batch_size: int = 64
    steps: int = dl.flag(6000, "generator steps", min=1)
    methods: tuple[str, ...] = dl.flag(tuple(METHODS), f"compared: {FIRST} and any others", choices=tuple(METHODS))
    latents: int = dl.flag(64, "dimensions of the noise", min=1)
    hidden: tuple[int, ...] = dl.flag((256, 256), "widths of the hidden layers of both networks", min=1)
    learning_rate: float = 1e-3
    schedule: str = "cosine"
    ema: float = 0.995

    # The budget of the papers, whose networks are convolutional.
    PAPER = {"hidden": (1024, 1024, 1024), "latents": 100, "steps": 50_000}
    TINY = {"hidden": (8,)}


def sampled(trained: dl.Trained) -> np.ndarray:
    """Images [10,000, height, width, channels]."""
    blocks = [np.asarray(trained.folded(n)(ImageGAN.sample, count=BLOCK)) for n in range(SAMPLES // BLOCK)]
    return np.concatenate(blocks)


def counted(images: np.ndarray, dataset: Dataset) -> dl.Measured:
    judge = judge_of_channels(dataset)
    labels, confidence = stacked_labels(images, judge)
    clear = confidence > CONFIDENT
    metrics = {
        **modes_of(labels, len(dataset.classes)),
        "confident": float(clear.mean()),
        "confident_modes": modes_of(labels[clear], len(dataset.classes))["modes"],
        "judge_accuracy": judge.facts["accuracy"],
    }
    return dl.Measured(metrics, {"image": images[:100]})


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    return {dl.OURS: counted(sampled(trained), dataset)}


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    def test() -> dl.Measured:
        return counted(dataset.test.arrays(SAMPLES)["image"], dataset)

    def pixels() -> dl.Measured:
        """Each pixel from another training image."""
        image = dataset.train.arrays(SAMPLES)["image"]
        mixed = np.random.default_rng(0).permuted(image.reshape(len(image), -1), axis=0)
        return counted(mixed.reshape(image.shape), dataset)

    return {"test images": test, "pixels drawn independently": pixels}


def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
    rows = [np.asarray(trained[name](ImageGAN.sample, count=20)) for name in trained.rivals]
    return image_grid(np.concatenate(rows), columns=20)


def figures(report: dl.Report) -> dict[str, Any]:
    rows = report.beside(FIRST)
    return {
        "modes": lambda: bars(report.spread("modes", FIRST), f"modes of {len(report.dataset.classes)}"),
        **{f"samples_{name}": partial(image_grid, row.arrays["image"], columns=10) for name, row in rows.items()},
    }


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    kinds(dataset)
    rivals = {}
    for name in named("methods", config.methods, tuple(METHODS), FIRST):
        own = dataclasses.replace(config, **METHODS[name])
        critic = own.discriminator(DenseCritic(own.hidden, leaky_relu, own.minibatch_stddev))
        generator = DenseGenerator(dataset.image_shape, own.hidden)
        rivals[name] = dl.Rival(ImageGAN(GaussianPrior(own.latents), generator, critic), [own.stage()], evaluate)
    return dl.side_by_side(
        rivals,
        data=dataset,
        baselines=baselines,
        published=PUBLISHED,
        figures=figures,
        sheet=sheet,
        alarms=ALARMS,
    )


if __name__ == "__main__":
    dl.launch(Config, build)
