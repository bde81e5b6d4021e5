"""A contractive autoencoder: reconstruction + λ ‖∂h/∂x‖²_F, beside a plain one trained on the same budget.

    python -m experiments.autoencoders.contractive --replicas=5

Rifai et al. 2011. The decoder's weights are the encoder's, transposed; else the encoder could shrink, the decoder
scale back up, and the penalty would mean nothing. Measured on test images: how far codes move when inputs do
(`contraction`), the Jacobian's norm, and what a linear probe on the codes gets right, on clean and on noisy images.
The plain autoencoder, the same network with λ = 0, is the baseline, with PCA and raw pixels.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from deeplearn.baselines.probe import probes
from deeplearn.data import Dataset
from deeplearn.errors import UserError
from deeplearn.figures.contrast import stretched
from deeplearn.figures.grid import image_grid
from deeplearn.figures.plots import curves
from deeplearn.losses.contractive import exact_penalty, hutchinson_penalty, sigmoid_layer_penalty
from deeplearn.losses.elbo import bernoulli_log_likelihood
from deeplearn.nn.functional import as_function, flat
from deeplearn.nn.tied import TiedAutoencoder
from deeplearn.train import Batch, Experiment, Metrics, Stage, Trained, Turn, flag, launch
from deeplearn.train import Config as BaseConfig

RADII = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)  # of the balls around test images, in units of the input
NOISE = 0.25  # deviation of the noise that the probe is tested under
METHODS = ("closed_form", "jacobian", "hutchinson")


@dataclasses.dataclass(frozen=True)
class Config(BaseConfig):
    steps: int = 4000
    hidden: tuple[int, ...] = flag((128,), "widths of the sigmoid layers of the encoder; the last is the code")
    contraction: float = flag(0.1, "weight λ of the penalty", min=0)
    penalty: str = flag("closed_form", "how ‖∂h/∂x‖² is found; the closed form is for one layer", choices=METHODS)
    learning_rate: float = flag(2e-3, "Adam's rate at the start; falls to 0 along a cosine", min=0)

    PAPER: ClassVar[dict[str, Any]] = {"dataset": "mnist", "hidden": (1000,), "steps": 100_000}
    TINY: ClassVar[dict[str, Any]] = {"hidden": (8,)}


class Autoencoders(nn.Module):
    """Two networks of one shape: `contractive` and `plain`. x [B, pixels] -> codes [B, hidden]."""

    pixels: int
    hidden: tuple[int, ...]
    weight: float
    method: str

    def setup(self) -> None:
        self.contractive = TiedAutoencoder(self.pixels, self.hidden)
        self.plain = TiedAutoencoder(self.pixels, self.hidden)

    def jacobian_norm(self, autoencoder: TiedAutoencoder, x: jax.Array, code: jax.Array) -> jax.Array:
        """‖∂h/∂x‖²_F at x, whose code is h, by the chosen method: [B]."""
        if self.method == "closed_form":
            return sigmoid_layer_penalty(code, autoencoder.kernels[0])
        encoder = as_function(autoencoder)
        if self.method == "jacobian":
            return exact_penalty(lambda x: encoder(x)[0], x)
        return hutchinson_penalty(lambda x: encoder(x)[0], x, self.make_rng("noise"))


def reconstruction(logits: jax.Array, x: jax.Array) -> jax.Array:
    """Cross-entropy of grey levels in [0, 1], summed over pixels, averaged over the batch: nats."""
    return -bernoulli_log_likelihood(logits.astype(jnp.float32), x).mean()


def contractive_loss(model: Autoencoders, batch: Batch) -> tuple[jax.Array, Metrics]:
    x = flat(batch["image"])
    code, logits = model.contractive(x)  # once: a second encoder would double its backward pass
    error, norm = reconstruction(logits, x), model.jacobian_norm(model.contractive, x, code).mean()
    return error + model.weight * norm, {"reconstruction": error, "jacobian_norm": norm}


def plain_loss(model: Autoencoders, batch: Batch) -> tuple[jax.Array, Metrics]:
    x = flat(batch["image"])
    error = reconstruction(model.plain(x)[1], x)
    return error, {"reconstruction": error}


def codes(model: Autoencoders, x: jax.Array, network: str) -> jax.Array:
    return getattr(model, network).encode(x)


def mean_jacobian_norm(model: Autoencoders, x: jax.Array, network: str) -> jax.Array:
    """‖∂h/∂x‖²_F, exact whatever the training used: [B]."""
    encoder = as_function(getattr(model, network))
    return exact_penalty(lambda x: encoder(x)[0], x)


def contraction(trained: Trained, x: np.ndarray, network: str, radius: float) -> float:
    """Mean ‖h(x + δ) − h(x)‖ / ‖δ‖ for δ uniform on the sphere of that radius (Rifai et al. 2011, section 5.3)."""
    direction = np.random.default_rng(0).normal(size=x.shape).astype(np.float32)
    moved = x + radius * direction / np.linalg.norm(direction, axis=-1, keepdims=True)
    distance = trained(codes, moved, network=network) - trained(codes, x, network=network)
    return float(np.linalg.norm(distance, axis=-1).mean() / radius)


def accuracies(encode: Any, dataset: Dataset) -> dict[str, float]:
    """Of a linear probe on codes: fitted on clean training images, tested on clean and on noisy test images."""
    found = probes(encode, dataset, noise=NOISE)
    return {"probe_accuracy": found["probe"], "noisy_probe_accuracy": found["noisy_probe"]}


def cross_entropy(model: Autoencoders, x: jax.Array, network: str) -> jax.Array:
    return reconstruction(getattr(model, network)(x)[1], x)


def measure(trained: Trained, dataset: Dataset, network: str) -> dict[str, float]:
    x = np.asarray(flat(dataset.test.arrays(2000)["image"]))
    return {
        "reconstruction": float(trained(cross_entropy, x, network=network)),
        "jacobian_norm": float(np.mean(trained.over(mean_jacobian_norm, x, size=100, network=network))),
        "contraction": contraction(trained, x, network, radius=0.5),
        **accuracies(lambda x: trained(codes, x, network=network), dataset),
    }


def evaluate(trained: Trained, dataset: Dataset) -> dict[str, Any]:
    return {
        **measure(trained, dataset, "contractive"),
        "plain autoencoder": measure(trained, dataset, "plain"),
    }


def baselines(trained: Trained, dataset: Dataset) -> dict[str, Any]:
    from sklearn.decomposition import PCA

    train = np.asarray(flat(dataset.train.arrays(10_000)["image"]))
    pca = PCA(min(trained.model.hidden[-1], *train.shape)).fit(train)
    return {
        f"PCA({pca.n_components_})": accuracies(pca.transform, dataset),
        "raw pixels": accuracies(lambda x: x, dataset),
    }


def draw(trained: Trained, dataset: Dataset) -> dict[str, Any]:
    images = dataset.test.arrays(500)["image"]
    x = np.asarray(flat(images))
    ratios = {name: (RADII, [contraction(trained, x, name, r) for r in RADII]) for name in ("contractive", "plain")}
    filters = []
    for name in ("contractive", "plain"):
        kernel = np.asarray(trained.variables["params"][name]["kernel_0"]).T  # one row a hidden unit
        kernel = kernel[: min(32, len(kernel) // 16 * 16 or len(kernel))]
        filters.append(stretched(kernel).reshape(-1, *images.shape[1:]))
    rows = -(-len(filters[0]) // 16)
    labels = ["contractive", *[""] * (rows - 1), "plain", *[""] * (rows - 1)]
    return {
        "contraction": curves(
            ratios, "distance moved in the input", "distance moved in the code, per unit", log_x=True
        ),
        "filters": image_grid(np.concatenate(filters), columns=min(16, len(filters[0])), row_labels=labels),
    }


def build(config: Config, dataset: Dataset) -> Experiment:
    dataset.need_labelled_images("the probe needs them")
    if config.penalty == "closed_form" and len(config.hidden) > 1:
        raise UserError("--penalty=closed_form is for one hidden layer: use jacobian or hutchinson for more")
    pixels = int(np.prod(dataset.train.arrays(1)["image"].shape))
    rate = optax.cosine_decay_schedule(config.learning_rate, config.steps)
    return Experiment(
        model=Autoencoders(pixels, config.hidden, config.contraction, config.penalty),
        stages=[
            Stage(
                [Turn(contractive_loss, trains=("contractive",)), Turn(plain_loss, trains=("plain",))],
                optax.adam(rate),
                config.steps,
            )
        ],
        data=dataset,
        evaluate=evaluate,
        baselines=baselines,
        figures=draw,
        dense=True,
        watch=("reconstruction", "jacobian_norm"),
    )


if __name__ == "__main__":
    launch(Config, build)
