"""Conditional GAN: the generator is asked for a class, and the discriminator knows what was asked for.

    python -m experiments.adversarial.conditional
    python -m experiments.adversarial.conditional --dataset=openmoji/32 --workdir=runs/emoji

Mirza & Osindero 2014, whose discriminator sees the class beside its features (`--told=beside`), and the projection
discriminator of Miyato & Koyama 2018 (`--told=projection`). Of labelled images, such as letters and digits,
`accuracy` is the fraction that the data set's judge assigns to the class that was asked for. Of `openmoji` what is
asked for has three parts, kind, person and tone of skin, each with a vector of its own, and test has combinations
that training never shows: `identity` is the fraction of pictures to which, of all pictures, the one asked for is
the nearest. Baselines: images of the data; for emoji the training picture that shares the most parts.
"""

import dataclasses
from typing import Any

import jax
import numpy as np

from deeplearn import train as dl
from deeplearn.adversarial.asked import asked_for
from deeplearn.adversarial.networks import ImageConfig
from deeplearn.adversarial.players import ConditionalGAN
from deeplearn.adversarial.watch import ALARMS
from deeplearn.data import Dataset
from deeplearn.figures.captioned import captioned
from deeplearn.figures.grid import image_grid
from deeplearn.judge import judge, need_judge, reference_rows, sample_count, sample_quality
from deeplearn.judge.combinations import PARTS, combination_quality, has_parts, nearest_combination, part_sizes
from deeplearn.models.conditional import Condition, ConditionalCritic


@dataclasses.dataclass(frozen=True)
class Config(ImageConfig):
    steps: int = dl.flag(20_000, "generator steps", min=1)
    latents: int = dl.flag(16, "dimensions of the noise", min=1)
    told: str = dl.flag(
        "projection", "how the discriminator uses what was asked for", choices=("projection", "beside")
    )
    features: int = dl.flag(64, "of the vector that tells the generator what is asked for", min=1)
    game: str = "hinge"
    learning_rate: float = 5e-4
    discriminator_rate: float = 1e-3
    schedule: str = "cosine"
    beta1: float = 0.0
    beta2: float = 0.99
    r1: float = 1.0
    ema: float = 0.995

    # Miyato & Koyama's ImageNet budget on a network of DCGAN's shape; theirs is a ResNet.
    PAPER = {
        "dataset": "cifar10",
        "network": "convolutional",
        "width": 64,
        "latents": 128,
        "features": 128,
        "learning_rate": 2e-4,
        "discriminator_rate": 2e-4,
        "discriminator_turns": 5,
        "schedule": "constant",
        "beta2": 0.9,
        "spectral_norm": True,
        "r1": 0.0,
        "ema": 0.0,
        "steps": 450_000,
    }
    TINY = {"dataset": "digits", "width": 8, "features": 4}


def drawn(model: ConditionalGAN, batch: dl.Batch) -> jax.Array:
    return model.sample(model.asked(batch))


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    if has_parts(dataset):
        image = trained.over(drawn, dataset.test.arrays())
        return dl.ours(combination_quality(image, dataset), image=image)
    asked = dataset.test.arrays(sample_count(dataset))
    image = trained.over(drawn, asked)
    quality = sample_quality(image, dataset, asked["label"])
    return dl.ours(quality | judge(dataset).metrics, image=image[:100])


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    if has_parts(dataset):
        return {"training picture that shares the most": lambda: nearest_combination(dataset)}
    return reference_rows(dataset, sample_count(dataset), labels=True)


def shown(image: np.ndarray, dataset: Dataset) -> Any:
    """Made pictures above the true ones, for some of the test split's combinations."""
    rows = np.linspace(0, len(image) - 1, 12).astype(int)
    test = dataset.test.arrays()
    both = np.concatenate([image[rows], test["image"][rows]])
    texts = [*test["text"][rows], *["(the true picture)"] * len(rows)]
    return captioned(both, texts, columns=len(rows), credit=dataset.about.get("credit", ""), tile=96)


def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
    """Of labels, a class a row, each column with other noise."""
    if has_parts(dataset):
        return shown(trained.over(drawn, dataset.test.arrays()), dataset)
    names = dataset.classes[:12]
    label = np.repeat(np.arange(len(names), dtype=np.int32), 12)
    image = np.asarray(trained(ConditionalGAN.sample, label[:, None]))
    return image_grid(image, columns=12, row_labels=names)


def images(trained: dl.Trained, dataset: Dataset, count: int, text: str = "") -> np.ndarray:
    """Of what the text names; without one of random classes."""
    if text or has_parts(dataset):
        asked = np.tile(np.array(asked_for(text, dataset), np.int32), (count, 1))
    else:
        asked = np.asarray(jax.random.randint(trained.key, (count, 1), 0, len(dataset.classes)))
    return np.asarray(trained(ConditionalGAN.sample, asked))


def walk(trained: dl.Trained, dataset: Dataset, stops: int, between: int, text: str = "") -> np.ndarray:
    return np.asarray(
        trained(ConditionalGAN.walk, np.array(asked_for(text, dataset), np.int32), stops=stops, between=between)
    )


def figures(report: dl.Report) -> dict[str, Any]:
    if has_parts(report.dataset):
        return {"samples": lambda: shown(report.ours.arrays["image"], report.dataset)}
    return {"samples": lambda: sheet(report.trained, report.dataset)}


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    columns: tuple[str, ...] = ("label",)
    sizes: tuple[int, ...] = (len(dataset.classes),)
    if has_parts(dataset):
        columns, sizes = tuple(PARTS), part_sizes(dataset)
    else:
        need_judge(dataset)
    config.need_singles("here each was asked for on its own")
    generator, trunk = config.networks(dataset, head=False)
    critic = ConditionalCritic(trunk, sizes, projection=config.told == "projection")
    model = ConditionalGAN(
        Condition(sizes, config.features), generator, config.discriminator(critic), config.latents, columns
    )
    return dl.Experiment(
        model=model,
        stages=[config.stage(generator=("generator", "condition"))],
        data=dataset,
        evaluate=evaluate,
        baselines=baselines,
        figures=figures,
        sheet=sheet,
        images=images,
        walk=walk,
        alarms=ALARMS,
    )


if __name__ == "__main__":
    dl.launch(Config, build)
