"""Regularisers of autoencoders compared on one budget: basic, sparse, denoising, contractive, stochastic.

    python -m experiments.autoencoders.comparison --replicas=5

All five have the encoder h = sigmoid(Wx + b), the decoder Wᵀh + c and the cross-entropy of grey levels, and differ
in one thing. basic (the run's own row): nothing more. sparse: + β Σ KL(ρ ‖ ρ̂). denoising: the input is noisy, the
target clean. contractive: + λ ‖∂h/∂x‖². stochastic: h is drawn, each unit 1 with its probability, + KL(q(h|x) ‖
p(h)) with a prior of probabilities ½. The weights of the terms are round values, tuned for none of the five.
Measured: squared error, also on noisy images; a linear probe with all labels, with 5 per class, and on noisy
images; ‖∂h/∂x‖²; the sparsity of codes (Hoyer); and the quality of images decoded from a Gaussian fitted to codes.
Baselines: PCA, raw pixels, and for samples a Gaussian on pixels, test images and other training images.
"""

import dataclasses
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logit

from deeplearn import train as dl
from deeplearn.baselines.gaussian import gaussian_draws
from deeplearn.baselines.pca import pca, raw_pixels
from deeplearn.baselines.probe import noisy, probes
from deeplearn.data import Dataset
from deeplearn.figures.contrast import stretched
from deeplearn.figures.grid import image_rows
from deeplearn.figures.panels import panels
from deeplearn.figures.plots import bars
from deeplearn.judge import need_judge, reference_rows, sample_count, sample_quality
from deeplearn.losses.bernoulli_code import bernoulli_kl, leave_one_out_surrogate, sample_bits
from deeplearn.losses.contractive import sigmoid_layer_penalty
from deeplearn.losses.elbo import bernoulli_log_likelihood
from deeplearn.losses.reconstruction import cross_entropy_of_pixels, reconstruction_loss
from deeplearn.losses.sparsity import sparsity_penalty
from deeplearn.metrics.sparsity import hoyer_sparsity
from deeplearn.metrics.statistics import mean_and_standard_error
from deeplearn.models.autoencoder import decode, encode, reconstruct
from deeplearn.nn.functional import flat
from deeplearn.nn.tied import TiedAutoencoder

FEW = 5  # labels per class of the few-label probe
NOISE = 0.25  # standard deviation of the noise in tests of robustness
SHOWN = 16
PROBES = ("probe", "few_label_probe", "noisy_probe")
BARS = ("mse", "denoised_mse", *PROBES, "jacobian_norm", "sparsity", "frechet_distance")
ROWS = {"basic": dl.OURS, **{name: name for name in ("sparse", "denoising", "contractive", "stochastic")}}


@dataclasses.dataclass(frozen=True)
class Config(dl.OptimizerConfig):
    steps: int = 3000
    hidden: int = dl.flag(128, "sigmoid units of the code", min=1)
    target: float = dl.flag(0.05, "sparse: ρ, the mean activation that is wanted", min=1e-4, max=0.9999)
    sparsity: float = dl.flag(1.0, "sparse: weight β", min=0)
    noise: float = dl.flag(0.25, "denoising: standard deviation of the Gaussian noise in training", min=0)
    contraction: float = dl.flag(0.1, "contractive: weight λ", min=0)
    samples: int = dl.flag(4, "stochastic: draws of the code for each image", min=2)

    PAPER = {"dataset": "mnist", "hidden": 1000, "steps": 100_000}
    TINY = {"hidden": 4, "samples": 2}


def sparse(network: TiedAutoencoder, batch: dl.Batch, weight: float, target: float) -> dl.Losses:
    x = flat(batch["image"])
    code, logits = network(x)
    return cross_entropy_of_pixels(logits, x) + weight * sparsity_penalty(code, target), {}


def contractive(network: TiedAutoencoder, batch: dl.Batch, weight: float) -> dl.Losses:
    x = flat(batch["image"])
    code, logits = network(x)
    penalty = sigmoid_layer_penalty(code, network.kernels[0]).mean()
    return cross_entropy_of_pixels(logits, x) + weight * penalty, {}


def stochastic(network: TiedAutoencoder, batch: dl.Batch, samples: int) -> dl.Losses:
    x = flat(batch["image"])
    q = x @ network.kernels[0] + network.biases[0]  # logits of q(h|x), the encoder before its sigmoid
    h = sample_bits(network.make_rng("noise"), jnp.repeat(q[:, None], samples, axis=1))  # [B, samples, hidden]
    errors = -bernoulli_log_likelihood(network.decode(h).astype(jnp.float32), x[:, None])
    surrogate = leave_one_out_surrogate(errors, bernoulli_log_likelihood(q[:, None], h))
    return surrogate + bernoulli_kl(q, jnp.zeros(())).mean(), {}


def jacobian_norm(network: TiedAutoencoder, x: jax.Array) -> jax.Array:
    """‖∂h/∂x‖²_F: [B]."""
    return sigmoid_layer_penalty(network.encode(x), network.kernels[0])


def sampled(trained: dl.Trained, dataset: Dataset) -> np.ndarray:
    """Images [N, H, W, C] decoded from a Gaussian fitted to the training images' codes before their sigmoid."""
    code = trained(encode, flat(dataset.train.arrays(10_000)["image"]))
    before = np.asarray(logit(np.clip(code, 1e-4, 1 - 1e-4)))
    drawn = jax.nn.sigmoid(gaussian_draws(before, sample_count(dataset)))
    return np.asarray(trained(decode, drawn)).reshape(-1, *dataset.image_shape)


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    x = flat(dataset.test.arrays()["image"])
    denoised, samples = np.asarray(trained(reconstruct, noisy(x, NOISE))), sampled(trained, dataset)
    metrics = {
        "mse": float(np.square(np.asarray(trained(reconstruct, x)) - x).mean()),
        "denoised_mse": float(np.square(denoised - x).mean()),
        **probes(lambda x: trained(encode, x), dataset, FEW, NOISE),
        "jacobian_norm": float(np.asarray(trained(jacobian_norm, x)).mean()),
        "sparsity": hoyer_sparsity(np.asarray(trained(encode, x))),
        **sample_quality(samples, dataset),
    }
    filters = stretched(np.asarray(trained.variables["params"]["kernel_0"]).T[:SHOWN])  # one row per hidden unit
    return dl.ours(metrics, samples=samples[:SHOWN], denoised=denoised[:SHOWN], filters=filters)


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    x = flat(dataset.test.arrays()["image"])

    def measure(encode: Any, decode: Any) -> dict[str, float]:
        denoised = decode(encode(noisy(x, NOISE)))
        return {"denoised_mse": float(np.square(denoised - x).mean()), **probes(encode, dataset, FEW, NOISE)}

    return {
        **pca(dataset, 32, measure),
        **raw_pixels(measure),
        **reference_rows(dataset, count=sample_count(dataset)),
    }


def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
    images = dataset.test.arrays(SHOWN)["image"]
    rows = {name: trained[name](reconstruct, flat(images)) for name in ROWS}
    return image_rows({"test": images, **rows}, images.shape[1:])


def figures(report: dl.Report) -> dict[str, Any]:
    shape = report.dataset.image_shape

    def rows_of(array: str) -> dict[str, np.ndarray]:
        return {name: report.rows[row].arrays[array] for name, row in ROWS.items()}

    def denoised() -> Any:
        x = flat(report.dataset.test.arrays()["image"])
        return image_rows({"test": x[:SHOWN], "noisy": noisy(x, NOISE)[:SHOWN], **rows_of("denoised")}, shape)

    def comparison() -> Any:
        def bar(metric: str) -> Any:
            values = {name: mean_and_standard_error(report.each(row, metric)) for name, row in ROWS.items()}
            return bars(values, title=metric.replace("_", " "))

        return panels([bar(metric) for metric in BARS], columns=2)

    return {
        "samples": lambda: image_rows(rows_of("samples"), shape),
        "denoised": denoised,
        "filters": lambda: image_rows(rows_of("filters"), shape),
        "comparison": comparison,
    }


CLAIMS = [
    dl.Claim(f"{name} improves the {metric.replace('_', ' ')} of basic", row, dl.OURS, metric)
    for name, row in ROWS.items()
    if row != dl.OURS
    for metric in ("few_label_probe", "noisy_probe")
]


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset.need_labelled_images("the probes need them")
    need_judge(dataset)
    losses: dict[str, Any] = {
        "basic": partial(reconstruction_loss, loss="cross_entropy"),
        "sparse": partial(sparse, weight=config.sparsity, target=config.target),
        "denoising": partial(reconstruction_loss, loss="cross_entropy", noise=config.noise),
        "contractive": partial(contractive, weight=config.contraction),
        "stochastic": partial(stochastic, samples=config.samples),
    }
    network = TiedAutoencoder(dataset.pixels, (config.hidden,))
    rivals = {
        name: dl.Rival(network, [dl.Stage([dl.Turn(loss)], config.chain(), config.steps)], evaluate)
        for name, loss in losses.items()
    }
    return dl.side_by_side(rivals, data=dataset, baselines=baselines, figures=figures, sheet=sheet, claims=CLAIMS)


if __name__ == "__main__":
    dl.launch(Config, build)
