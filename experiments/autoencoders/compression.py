"""Compression: a VAE's likelihood as an actual file, decoded bit for bit (Townsend, Bird & Barber 2019).

    python -m experiments.autoencoders.compression --replicas=5

The VAE of autoencoders.vae on all grey levels (discretised logistic); then the test split is coded with bits back
(`deeplearn.codec`), written as one file, decoded and compared. `bits_per_dim` is that of the whole file, header
included; `net_bits_per_dim` leaves out the header and the bits that the first image did not recover; the decoder
also needs the weights, which are not in the file. `elbo_bits_per_dim` is the negative ELBO, the cost of the codec
up to rounding; `excess` is the difference of the file from it, as a fraction. Noise and weight decay were chosen on
validation.

Baselines on the same bytes: PNG, one file per image or one for a sheet of them; zlib (gzip's method), zstd, bz2,
LZMA; zlib with training images as its dictionary; and the ideal length under a histogram for each pixel. Your own
images: `python -m deeplearn.codec --help`.
"""

import dataclasses
import math
from functools import partial
from typing import Any

import numpy as np

from deeplearn import train as dl
from deeplearn.baselines.compressors import compressors
from deeplearn.baselines.histograms import level_histograms
from deeplearn.codec.file import CHECK, HEADER, compress, decompress
from deeplearn.data import Dataset
from deeplearn.figures.grid import image_grid, image_rows
from deeplearn.figures.plots import bars, curves
from deeplearn.losses.likelihoods import Logistic
from deeplearn.losses.vae import elbo, negative_elbo
from deeplearn.metrics.bounds import bits_per_dim
from deeplearn.models.vae import VAE

LIMIT = 10_000  # images that are coded
DRAWS = 20  # of the latents of each image, for the bound
BOUND = "negative ELBO + 3 %"


@dataclasses.dataclass(frozen=True)
class Config(dl.OptimizerConfig):
    steps: int = 4000
    latents: int = dl.flag(24, "dimensions of the latent code", min=1)
    hidden: tuple[int, ...] = dl.flag((200, 200), "hidden widths of the encoder; the decoder's reversed", min=1)
    components: int = dl.flag(1, "logistic distributions that are mixed for each pixel", min=1)
    noise: float = dl.flag(0.06, "standard deviation of the noise on what the encoder sees in training", min=0)
    optimizer: str = "adamw"
    weight_decay: float = 0.3

    # Townsend et al. 2019, section 3.1, for the grey levels of MNIST; their likelihood is the beta-binomial.
    PAPER = {
        "dataset": "mnist",
        "hidden": (200,),
        "latents": 50,
        "noise": 0.0,
        "weight_decay": 0.0,
        "steps": 100_000,
    }
    TINY = {"latents": 2, "hidden": (8,)}


def as_levels(images: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Images [N, H, W, C] in [0, 1] as levels, uint8."""
    return np.rint(images * ((dataset.levels or 2) - 1)).astype(np.uint8)


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    test = dataset.test.arrays(LIMIT)
    images = as_levels(test["image"], dataset)
    file = compress(trained, images)
    decoded = decompress(trained, file.contents, "the test split's file")
    nats = -float(np.mean([trained.folded(draw).mean(elbo, test)["elbo"] for draw in range(DRAWS)]))
    bound, length = bits_per_dim(nats, images[0].size), 8 * len(file.contents)
    metrics = {
        "bytes": len(file.contents),
        "bits_per_dim": length / images.size,
        "net_bits_per_dim": (length - 8 * (HEADER.size + CHECK.size) - file.not_returned) / images.size,
        "elbo_bits_per_dim": bound,
        "excess": length / images.size / bound - 1,
        "pixels_that_differ": int(np.count_nonzero(decoded != images)),
    }
    return {**dl.ours(metrics, bits=file.bits), BOUND: dl.Measured({"bits_per_dim": 1.03 * bound})}


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    train, test = (as_levels(split.arrays(LIMIT)["image"], dataset) for split in (dataset.train, dataset.test))
    levels = trained.model.likelihood.levels
    uniform = dl.Measured({"bits_per_dim": math.log2(levels)})
    return {**compressors(test, train), **level_histograms(dataset, levels), "uniform": lambda: uniform}


def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
    image = dataset.test.arrays(16)["image"]
    decoded, samples = trained(VAE.reconstruct, image), trained(VAE.sample, count=4 * len(image))
    return image_rows({"test": image, "decoder's mean": decoded, "samples": samples}, trained.model.shape)


def figures(report: dl.Report) -> dict[str, Any]:
    images, bits = report.dataset.test.arrays(LIMIT)["image"], report.ours.arrays["bits"]
    order, fractions = np.argsort(bits), np.linspace(0, 1, len(bits))
    places = np.linspace(0, len(order) - 1, min(len(order), 96)).astype(int)
    curve = {"one image": (fractions, bits[order] / images[0].size)}
    named = {dl.OURS: "the VAE's file"}
    lengths = {named.get(row, row): m.metrics["bits_per_dim"] for row, m in report.rows.items() if row != BOUND}
    return {
        "cheapest_to_dearest": lambda: image_grid(images[order[places]], columns=12),
        "bits_of_images": lambda: curves(curve, "fraction of test images that are cheaper", "bits per dimension"),
        "bits_per_dim": lambda: bars(lengths, "bits per dimension", f"{len(images)} test images without loss"),
    }


CLAIMS = (
    dl.Claim("the file is less than 3 % longer than the bound", dl.OURS, BOUND, "-bits_per_dim"),
    dl.Claim("the file is shorter than histograms could make it", dl.OURS, "histogram of levels", "-bits_per_dim"),
)


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset.need_levels("lossless coding needs at most 256", limit=256)
    return dl.Experiment(
        model=VAE(
            dataset.image_shape, config.latents, config.hidden, Logistic(dataset.levels or 2, config.components)
        ),
        stages=[
            dl.Stage([dl.Turn(partial(negative_elbo, noise=config.noise))], config.chain(), config.steps, ema=0.999)
        ],
        data=dataset,
        evaluate=evaluate,
        validate=elbo,
        best="elbo",
        baselines=baselines,
        figures=figures,
        sheet=sheet,
        claims=CLAIMS,
    )


if __name__ == "__main__":
    dl.launch(Config, build)
