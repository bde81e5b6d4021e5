"""Dimensionality reduction: what an autoencoder's code preserves, against PCA and t-SNE.

    python -m experiments.autoencoders.reduction --replicas=5

The networks of `autoencoders.autoencoder` with codes of 2 and 8 numbers. Measured on each code of the test
images: the squared error of the reconstruction, trustworthiness (are neighbours in the code neighbours in the
image? five of them, Venna & Kaski 2001), the fraction of images whose five nearest neighbours' majority has their
label, and how well k-means on the code, with as many clusters as classes, agrees with the labels: adjusted Rand
index and normalised mutual information. All but the reconstruction is measured among test images, because t-SNE has
no
code for new images: it is fitted to the test images themselves, the others to the training images. The run's own
row is that of its largest code.
"""

import dataclasses
from functools import partial
from typing import Any

import numpy as np

from deeplearn import train as dl
from deeplearn.baselines.embeddings import embedding_quality, embeddings
from deeplearn.baselines.pca import pca
from deeplearn.data import Dataset
from deeplearn.errors import UserError
from deeplearn.figures.grid import image_rows
from deeplearn.figures.panels import panels
from deeplearn.figures.plots import scatter
from deeplearn.losses.reconstruction import reconstruction_error, reconstruction_loss
from deeplearn.models.autoencoder import autoencoder, decode, encode, reconstruct
from deeplearn.nn.functional import flat

LIMIT = 2000  # test images: trustworthiness grows with their square
GAINS = ("knn_accuracy", "trustworthiness", "rand_index", "mutual_information")


@dataclasses.dataclass(frozen=True)
class Config(dl.OptimizerConfig):
    steps: int = 6000
    hidden: tuple[int, ...] = dl.flag((128, 64), "widths before the code; after it, reversed", min=1)
    codes: tuple[int, ...] = dl.flag((2, 8), "sizes of the code: a network is trained for each", min=1)
    loss: str = dl.flag("squared", "what a wrong pixel costs", choices=("squared", "cross_entropy"))
    tied: bool = dl.flag(False, "the decoder's matrices are the encoder's, transposed")
    noise: float = dl.flag(0.0, "standard deviation of the noise on what the encoder sees in training", min=0)

    PAPER = {"dataset": "mnist", "codes": (32,), "steps": 50_000}
    TINY = {"hidden": (8,), "codes": (2,)}


def images_and_labels(dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    test = dataset.test.arrays(LIMIT)
    return flat(test["image"]), test["label"]


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    x, label = images_and_labels(dataset)
    code = np.asarray(trained(encode, x))
    error = float(np.square(np.asarray(trained(decode, code)) - x).mean())
    metrics = {"mse": error, **embedding_quality(x, code, label)}
    return dl.ours({"components": trained.facts["code"], **metrics}, codes=code)


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    x, label = images_and_labels(dataset)

    def measure(encode: Any, _: Any) -> dict[str, float]:
        return embedding_quality(x, encode(x), label)

    rows = [pca(dataset, code, measure, row=f"PCA({code})", test_limit=LIMIT) for code in trained.config.codes]
    return {row: thunk for each in [*rows, embeddings(x, label)] for row, thunk in each.items()}


def row_of(code: int, codes: tuple[int, ...]) -> str:
    return dl.OURS if code == max(codes) else f"autoencoder({code})"


def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
    images = dataset.test.arrays(16)["image"]
    rows = {name.replace("_", " "): trained[name](reconstruct, flat(images)) for name in trained.rivals}
    return image_rows({"test": images, **rows}, images.shape[1:])


def figures(report: dl.Report) -> dict[str, Any]:
    def maps() -> Any:
        codes = report.config.codes
        rows = {
            "PCA": f"PCA({max(codes)})",  # its first two components are those of a code of two
            "t-SNE, fitted to the test images": "t-SNE",
        }
        if min(codes) == 2:
            rows = {"autoencoder": row_of(2, codes), **rows}
        points = {title: report.rows[row].arrays["codes"][:, :2] for title, row in rows.items()}
        _, label = images_and_labels(report.dataset)
        pictures = [scatter(xy, label, report.dataset.classes or None, title) for title, xy in points.items()]
        return panels(pictures, columns=len(pictures))

    return {"maps": maps}


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset.need_labelled_images("neighbours and clusters are compared with classes")
    if not config.codes or max(config.codes) >= dataset.pixels:
        raise UserError(f"--codes should be sizes of a code smaller than the images, of {dataset.pixels} pixels")
    if len(dataset.test) < 3:
        raise UserError(f"--dataset={dataset.name} has {len(dataset.test)} test images: neighbours need three")
    loss = partial(reconstruction_loss, loss=config.loss, noise=config.noise)
    rivals = {
        f"code_{code}": dl.Rival(
            autoencoder(dataset.pixels, (*config.hidden, code), config.tied),
            [dl.Stage([dl.Turn(loss)], config.chain(), config.steps, ema=0.999)],
            evaluate,
            reconstruction_error,
            facts={"code": code},
            row=f"autoencoder({code})",
        )
        for code in sorted(config.codes, reverse=True)
    }
    claims = [
        dl.Claim(f"{metric}, a code of {n} above PCA's", row_of(n, config.codes), f"PCA({n})", metric)
        for n in sorted(config.codes)
        for metric in GAINS
    ]
    return dl.side_by_side(rivals, data=dataset, baselines=baselines, figures=figures, sheet=sheet, claims=claims)


if __name__ == "__main__":
    dl.launch(Config, build)
