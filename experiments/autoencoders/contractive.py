"""A contractive autoencoder: reconstruction + λ ‖∂h/∂x‖²_F, against a plain one with the same budget.

    python -m experiments.autoencoders.contractive --replicas=5

Rifai et al. 2011. The decoder's weights are the encoder's, transposed; otherwise the encoder could shrink and the
decoder scale back up, and the penalty would have no effect. Measured on test images: how far codes move when inputs
move (`contraction`), the Jacobian's norm, and the accuracy of a linear probe on the codes, on clean and on noisy
images. The plain autoencoder, the same network with λ = 0, is the baseline, with PCA and raw pixels.
"""

import dataclasses
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from deeplearn import train as dl
from deeplearn.baselines.pca import pca, raw_pixels
from deeplearn.baselines.probe import probes
from deeplearn.data import Dataset
from deeplearn.errors import UserError
from deeplearn.figures.contrast import stretched
from deeplearn.figures.grid import image_rows
from deeplearn.figures.plots import curves
from deeplearn.losses.contractive import exact_penalty, hutchinson_penalty, sigmoid_layer_penalty
from deeplearn.losses.reconstruction import cross_entropy_of_pixels
from deeplearn.nn.functional import as_function, flat
from deeplearn.nn.tied import TiedAutoencoder

RADII = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)  # of the spheres around test images, in units of the input
NOISE = 0.25  # standard deviation of the noise in tests of the probe
METHODS = ("closed_form", "jacobian", "hutchinson")
PLAIN = "plain autoencoder"


@dataclasses.dataclass(frozen=True)
class Config(dl.OptimizerConfig):
    steps: int = 4000
    hidden: tuple[int, ...] = dl.flag((128,), "widths of the encoder's sigmoid layers; the last is the code", min=1)
    contraction: float = dl.flag(0.1, "weight λ of the penalty", min=0)
    penalty: str = dl.flag("closed_form", "how ‖∂h/∂x‖² is found (closed_form: for one layer)", choices=METHODS)

    PAPER = {"dataset": "mnist", "hidden": (1000,), "steps": 100_000}
    TINY = {"hidden": (8,)}


def squared_jacobian(autoencoder: TiedAutoencoder, x: jax.Array, code: jax.Array, method: str) -> jax.Array:
    """‖∂h/∂x‖²_F at x, whose code is h: [B]."""
    if method == "closed_form":
        return sigmoid_layer_penalty(code, autoencoder.kernels[0])
    encoder = as_function(autoencoder)
    if method == "jacobian":
        return exact_penalty(lambda x: encoder(x)[0], x)
    return hutchinson_penalty(lambda x: encoder(x)[0], x, autoencoder.make_rng("noise"))


def contractive(autoencoder: TiedAutoencoder, batch: dl.Batch, weight: float, method: str) -> dl.Losses:
    x = flat(batch["image"])
    code, logits = autoencoder(x)  # once: a second encoder would double its backward pass
    error, norm = cross_entropy_of_pixels(logits, x), squared_jacobian(autoencoder, x, code, method).mean()
    return error + weight * norm, {"reconstruction": error, "jacobian_norm": norm}


def plain(autoencoder: TiedAutoencoder, batch: dl.Batch) -> dl.Losses:
    x = flat(batch["image"])
    error = cross_entropy_of_pixels(autoencoder(x)[1], x)
    return error, {"reconstruction": error}


def exact_norm(autoencoder: TiedAutoencoder, x: jax.Array) -> jax.Array:
    """‖∂h/∂x‖²_F, exact whatever the training used: [B]."""
    encoder = as_function(autoencoder)
    return exact_penalty(lambda x: encoder(x)[0], x)


def contraction(trained: dl.Trained, x: np.ndarray, radius: float) -> float:
    """Mean ‖h(x + δ) − h(x)‖ / ‖δ‖ for δ uniform on the sphere of that radius (Rifai et al. 2011, section 5.3)."""
    direction = np.random.default_rng(0).normal(size=x.shape).astype(np.float32)
    moved = x + radius * direction / np.linalg.norm(direction, axis=-1, keepdims=True)
    distance = trained(TiedAutoencoder.encode, moved) - trained(TiedAutoencoder.encode, x)
    return float(np.linalg.norm(distance, axis=-1).mean() / radius)


def accuracies(encode: Any, dataset: Dataset) -> dict[str, float]:
    """Of a linear probe on codes: fitted on clean training images, tested on clean and on noisy test images."""
    found = probes(encode, dataset, noise=NOISE)
    return {"probe_accuracy": found["probe"], "noisy_probe_accuracy": found["noisy_probe"]}


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    x = np.asarray(flat(dataset.test.arrays(2000)["image"]))
    metrics = {
        "reconstruction": float(cross_entropy_of_pixels(trained(TiedAutoencoder.__call__, x)[1], jnp.asarray(x))),
        "jacobian_norm": float(np.mean(trained.over(exact_norm, x, size=100))),
        "contraction": contraction(trained, x, radius=0.5),
        **accuracies(lambda x: trained(TiedAutoencoder.encode, x), dataset),
    }
    curve = [contraction(trained, x[:500], radius) for radius in RADII]
    return dl.ours(metrics, contraction=curve, filters=np.asarray(trained.variables["params"]["kernel_0"]).T)


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    def measure(encode: Any, decode: Any) -> dict[str, float]:
        return accuracies(encode, dataset)

    return pca(dataset, trained.config.hidden[-1], measure) | raw_pixels(measure)


CLAIMS = (
    dl.Claim("the penalty makes codes that are read better under noise", dl.OURS, PLAIN, "noisy_probe_accuracy"),
)


def figures(report: dl.Report) -> dict[str, Any]:
    rows = {"contractive": report.ours, "plain": report.rows[PLAIN]}

    def filters() -> Any:
        shown = {name: stretched(row.arrays["filters"][:32]) for name, row in rows.items()}
        return image_rows(shown, report.dataset.image_shape, columns=min(16, len(shown["plain"])))

    return {
        "contraction": lambda: curves(
            {name: (RADII, row.arrays["contraction"]) for name, row in rows.items()},
            "distance moved in the input",
            "distance moved in the code, per unit",
            log_x=True,
        ),
        "filters": filters,
    }


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset.need_labelled_images("the probe needs them")
    if config.penalty == "closed_form" and len(config.hidden) > 1:
        raise UserError("--penalty=closed_form is for one hidden layer: use jacobian or hutchinson for more")
    network = TiedAutoencoder(dataset.pixels, config.hidden)
    losses: dict[str, Any] = {
        "contractive": partial(contractive, weight=config.contraction, method=config.penalty),
        "plain": plain,
    }
    rivals = {
        name: dl.Rival(network, [dl.Stage([dl.Turn(loss)], config.chain(), config.steps)], evaluate, row=row)
        for (name, loss), row in zip(losses.items(), ("", PLAIN), strict=True)
    }
    return dl.side_by_side(rivals, data=dataset, baselines=baselines, figures=figures, claims=CLAIMS)


if __name__ == "__main__":
    dl.launch(Config, build)
