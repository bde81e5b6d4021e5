"""What a generator of styles measures and draws beside any generator of images."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from deeplearn import train as dl
from deeplearn.adversarial.images import declared
from deeplearn.adversarial.style import StyleGAN
from deeplearn.data import Dataset
from deeplearn.figures.contrast import stretched
from deeplearn.figures.grid import image_grid
from deeplearn.figures.plots import curves
from deeplearn.judge import judge, sample_count, swept_quality
from deeplearn.models.stylegan import layers
from deeplearn.nn.great_circle import along_great_circle

EPSILON = 1e-4  # of the path, between the two images of a pair (Karras et al. 2019, section 4.1)
PAIRS = 1000
BLOCK = 250  # pairs or images at once
TRUNCATIONS = (0.0, 0.3, 0.5, 0.7, 0.85, 1.0)
SWEPT = 1000  # largest number of images of each truncation


def pair(model: StyleGAN, count: int, of: str) -> tuple[jax.Array, jax.Array]:
    """Images at t and t + ε of paths between random points, t uniform, in z (spherical) or w (straight)."""
    a, b = model.noise(count), model.noise(count)
    t = jax.random.uniform(model.make_rng("noise"), (count,))
    key = model.make_rng("noise")
    if of == "z":
        a, b = (x / jnp.linalg.norm(x, axis=-1, keepdims=True) for x in (a, b))
        ends = [model.w(along_great_circle(a, b, at)) for at in (t, t + EPSILON)]
    else:
        first, last = model.w(a), model.w(b)
        ends = [first + at[:, None] * (last - first) for at in (t, t + EPSILON)]
    return model.pictures(ends[0], key), model.pictures(ends[1], key)


def perceptual_path_length(trained: dl.Trained, dataset: Dataset, of: str) -> float:
    """E ‖f(x_t) − f(x_{t+ε})‖² / ε², f the judge's features (Karras et al. 2019, equations 2, 3; there VGG's)."""
    features, total = judge(dataset), 0.0
    # A GPU's usual products of float32 are rounded more coarsely than the two images of a pair differ.
    with jax.default_matmul_precision("highest"):
        for number in range(PAIRS // BLOCK):
            first, second = (
                features(np.asarray(image))[1] for image in trained.folded(number)(pair, count=BLOCK, of=of)
            )
            total += float(np.square((first - second).astype(np.float64)).sum())
    return total / EPSILON**2 / PAIRS


def truncation_sweep(trained: dl.Trained, dataset: Dataset) -> np.ndarray:
    """[truncations, 4]: ψ, Fréchet distance, precision and recall of equally many images."""
    count, rows = sample_count(dataset, SWEPT), []
    for truncation in TRUNCATIONS:
        image = np.asarray(trained(StyleGAN.sample, count=count, truncation=truncation))
        quality = swept_quality(image, dataset)
        rows.append((truncation, *(quality[name] for name in ("frechet_distance", "precision", "recall"))))
    return np.array(rows)


def truncated(model: StyleGAN, rows: int) -> jax.Array:
    """[rows · columns, H, W, C]: a style in a row, ψ from −1 to 1 along it; the same noise."""
    truncation = jnp.linspace(-1, 1, 9)
    w = jnp.stack([model.w(model.noise(rows), 1.0)] * len(truncation), axis=1)
    mean = model.mean_w(w[:, 0], update=False)
    w = mean + truncation[:, None] * (w - mean)
    key = model.make_rng("noise")
    return jnp.concatenate([model.pictures(row, key) for row in w])


def mixtures(model: StyleGAN, rows: int, columns: int, crossover: int) -> jax.Array:
    """[rows + 1, columns + 1, H, W, C]: sources of the coarse layers at the left, of the fine ones on top."""
    coarse, fine = (model.w(model.noise(count), 0.7) for count in (rows, columns))
    key, number = model.make_rng("noise"), layers(model.side)
    top = jnp.concatenate(
        [jnp.ones((1, *(left := model.pictures(coarse, key)).shape[1:])), model.pictures(fine, key)]
    )
    made = [top]
    for row, source in zip(left, coarse, strict=True):
        first = jnp.broadcast_to(source, (columns, number, model.latents))
        second = jnp.repeat(fine[:, None], number, axis=1)
        styles = jnp.concatenate([first[:, :crossover], second[:, crossover:]], axis=1)
        made.append(jnp.concatenate([row[None], model.pictures(styles, key)]))
    return jnp.stack(made)


def noises(model: StyleGAN, rows: int, many: int = 32) -> jax.Array:
    """[many, rows, H, W, C]: the same styles with other noise."""
    w = model.w(model.noise(rows), 0.7)
    return jnp.stack([model.pictures(w) for _ in range(many)])


def images(trained: dl.Trained, dataset: Dataset, count: int, truncation: float = 1.0) -> np.ndarray:
    return np.asarray(trained(StyleGAN.sample, count=count, truncation=truncation))


def walk(trained: dl.Trained, dataset: Dataset, stops: int, between: int, truncation: float = 1.0) -> np.ndarray:
    return np.asarray(trained(StyleGAN.walk, stops=stops, between=between, truncation=truncation))


def style_report() -> dict[str, Any]:
    """Fields of a `dl.Experiment` whose model is a `StyleGAN`: those of `declared`, and what styles add."""
    fields = declared(StyleGAN.sample)

    def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
        measured = fields["evaluate"](trained, dataset)[dl.OURS]
        lengths = {f"path_length_{of}": perceptual_path_length(trained, dataset, of) for of in ("z", "w")}
        return dl.ours(measured.metrics | lengths, **measured.arrays, truncation=truncation_sweep(trained, dataset))

    def figures(report: dl.Report) -> dict[str, Any]:
        trained = report.trained

        def sweep(*columns: tuple[str, int]) -> Any:
            table = report.ours.arrays["truncation"]
            return curves({name: (table[:, 0], table[:, column]) for name, column in columns}, "ψ")

        def noise() -> Any:
            made = np.asarray(trained(noises, rows=8))
            deviation = stretched(made.std(0))
            return image_grid(np.concatenate([made[:4], deviation[None]]), columns=8)

        def mixing(crossover: int) -> Any:
            return image_grid(np.asarray(trained(mixtures, rows=5, columns=8, crossover=crossover)))

        count = layers(trained.model.side)
        own = {
            "truncation": lambda: image_grid(np.asarray(trained(truncated, rows=8)), columns=9),
            "truncation_frechet": lambda: sweep(("Fréchet distance", 1)),
            "truncation_precision": lambda: sweep(("precision", 2), ("recall", 3)),
            "noise": noise,
            **{f"mixing_{layer}": partial(mixing, layer) for layer in range(2, count, 2)},
        }
        return fields["figures"](report) | own

    return fields | {"evaluate": evaluate, "figures": figures, "images": images, "walk": walk}
