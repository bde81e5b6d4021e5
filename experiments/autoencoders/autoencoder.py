"""The deep autoencoder: encoder, narrow code, decoder; codes of 2, 4, 8 and 16 numbers, against PCA.

    python -m experiments.autoencoders.autoencoder --replicas=5

784-128-64-32 and back on 28×28 images (`--paper`), 64-128-64-k on 8×8 (Hinton & Salakhutdinov 2006). PCA is the
best linear autoencoder of the same code size. Measured on test images: the squared error, and the accuracy of a
linear probe on the code. `--tied` uses the encoder's matrices, transposed, in the decoder. The run's own row is
that of its largest code.
"""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from deeplearn import train as dl
from deeplearn.baselines.pca import pca
from deeplearn.baselines.probe import probes
from deeplearn.data import Dataset
from deeplearn.errors import UserError
from deeplearn.figures.grid import image_rows
from deeplearn.figures.plots import curves, scatter
from deeplearn.losses.reconstruction import reconstruction_error, reconstruction_loss
from deeplearn.models.autoencoder import autoencoder, decode, encode, reconstruct
from deeplearn.nn.functional import flat

SHOWN = 12


@dataclasses.dataclass(frozen=True)
class Config(dl.OptimizerConfig):
    steps: int = 6000
    hidden: tuple[int, ...] = dl.flag((128, 64), "widths before the code; after it, reversed", min=1)
    codes: tuple[int, ...] = dl.flag((2, 4, 8, 16), "sizes of the code: a network is trained for each", min=1)
    loss: str = dl.flag("squared", "what a wrong pixel costs", choices=("squared", "cross_entropy"))
    tied: bool = dl.flag(False, "the decoder's matrices are the encoder's, transposed")
    noise: float = dl.flag(0.0, "standard deviation of the noise on what the encoder sees in training", min=0)

    PAPER = {"dataset": "mnist", "codes": (32,), "steps": 50_000}
    TINY = {"hidden": (8,), "codes": (2, 3)}


def probe(encode: Callable[[np.ndarray], Any], dataset: Dataset) -> dict[str, float]:
    """The accuracy of a linear probe on codes, where images have labels."""
    return {"probe_accuracy": probes(encode, dataset)["probe"]} if "label" in dataset.train.spec else {}


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    x = flat(dataset.test.arrays()["image"])
    code = np.asarray(trained(encode, x))
    image = np.asarray(trained(decode, code))
    metrics = {"mse": float(np.square(image - x).mean()), **probe(lambda x: trained(encode, x), dataset)}
    return dl.ours({"components": trained.facts["code"], **metrics}, codes=code, reconstructed=image[:SHOWN])


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    def measure(encode: Any, _: Any) -> dict[str, float]:
        return probe(encode, dataset)

    rows = [pca(dataset, code, measure, row=f"PCA({code})") for code in trained.config.codes]
    return {row: thunk for each in rows for row, thunk in each.items()}


def row_of(code: int, codes: tuple[int, ...]) -> str:
    return dl.OURS if code == max(codes) else f"autoencoder({code})"


def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
    images = dataset.test.arrays(16)["image"]
    rows = {name.replace("_", " "): trained[name](reconstruct, flat(images)) for name in trained.rivals}
    return image_rows({"test": images, **rows}, images.shape[1:])


def figures(report: dl.Report) -> dict[str, Any]:
    test, codes = report.dataset.test.arrays(2000), sorted(set(report.config.codes))
    networks = {code: report.rows[row_of(code, report.config.codes)] for code in codes}

    def reconstructions() -> Any:
        rows = {"test": test["image"][:SHOWN]}
        for code, network in networks.items():
            rows[f"autoencoder, {code}"] = network.arrays["reconstructed"]
            rows[f"PCA, {code}"] = report.rows[f"PCA({code})"].arrays["reconstructed"][:SHOWN]
        return image_rows(rows, test["image"].shape[1:])

    def error() -> Any:
        lines = {
            "autoencoder": (codes, [network.metrics["mse"] for network in networks.values()]),
            "PCA": (codes, [report.rows[f"PCA({code})"].metrics["mse"] for code in codes]),
        }
        return curves(lines, "size of the code", "squared error per pixel, test", log_x=True, log_y=True)

    def code_map() -> Any:
        points = networks[2].arrays["codes"][:2000]
        title = "Codes of test images, two numbers each"
        return scatter(points, test.get("label"), report.dataset.classes or None, title)

    return {"reconstructions": reconstructions, "error": error} | ({"code_map": code_map} if codes[0] == 2 else {})


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset.need_images("this experiment encodes images")
    if not config.codes or max(config.codes) >= dataset.pixels:
        raise UserError(f"--codes should be sizes of a code smaller than the images, of {dataset.pixels} pixels")
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
        dl.Claim(f"a code of {n} has a smaller error than PCA's", row_of(n, config.codes), f"PCA({n})", "-mse")
        for n in sorted(config.codes)
    ]
    return dl.side_by_side(rivals, data=dataset, baselines=baselines, figures=figures, sheet=sheet, claims=claims)


if __name__ == "__main__":
    dl.launch(Config, build)
