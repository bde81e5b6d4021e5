"""What each regulariser buys: basic, sparse, denoising, contractive, stochastic; one encoder, one budget.

    python -m experiments.autoencoders.comparison --replicas=5

All five have the encoder h = sigmoid(Wx + b), the decoder Wᵀh + c and the cross-entropy of grey levels, and differ
in one thing. basic: nothing more. sparse: + β Σ KL(ρ ‖ ρ̂). denoising: the input is noisy, the target clean.
contractive: + λ ‖∂h/∂x‖². stochastic: h is drawn, each unit on with its probability, + KL(q(h|x) ‖ p(h)) with fair
coins as prior. The weights of the terms are first guesses, tuned for none of the five.

Measured, five seeds, 71 s. Squared error, linear probe with all and with few labels, on noisy images, ‖J‖²:

    basic        .0033  .974 ± .001  .863 ± .001  .870 ± .003   40.7
    sparse       .0169  .972 ± .002  .842 ± .007  .894 ± .004    9.3
    denoising    .0063  .976 ± .001  .876 ± .003  .890 ± .005   23.8
    contractive  .0073  .978 ± .000  .872 ± .004  .903 ± .006   15.4
    stochastic   .0481  .946 ± .001  .835 ± .002  .682 ± .008    5.4

Denoising and contraction help with few labels (+.012 ± .003 and +.009 ± .004, paired) and on noisy images
(+.020 ± .006 and +.033 ± .008); sparsity only on noisy images (+.024 ± .006); stochastic units, so weighted,
neither.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.scipy.special import logit

from deeplearn.baselines.gaussian import gaussian_draws
from deeplearn.baselines.probe import noisy, probes
from deeplearn.baselines.small_judge import small_judge
from deeplearn.data import Dataset
from deeplearn.figures.contrast import stretched
from deeplearn.figures.grid import image_grid
from deeplearn.figures.panels import panels
from deeplearn.figures.plots import bars
from deeplearn.losses.bernoulli_code import bernoulli_kl, leave_one_out_surrogate, sample_bits
from deeplearn.losses.contractive import sigmoid_layer_penalty
from deeplearn.losses.elbo import bernoulli_log_likelihood
from deeplearn.losses.sparsity import sparsity_penalty
from deeplearn.metrics.distances import frechet
from deeplearn.metrics.sparsity import hoyer_sparsity
from deeplearn.metrics.statistics import mean_and_standard_error
from deeplearn.metrics.verdict import verdict
from deeplearn.nn.corruption import gaussian
from deeplearn.nn.functional import flat
from deeplearn.nn.tied import TiedAutoencoder
from deeplearn.train import Batch, Experiment, Metrics, Rivals, Stage, Trained, flag, launch, rival_turns
from deeplearn.train import Config as BaseConfig

FEW = 5  # labels a class for the probe that has few
NOISE = 0.25  # deviation of the noise that robustness is tested under


@dataclasses.dataclass(frozen=True)
class Config(BaseConfig):
    steps: int = 3000
    hidden: int = flag(128, "sigmoid units of the code", min=1)
    target: float = flag(0.05, "sparse: ρ, the mean activation that is wanted", min=1e-4, max=0.9999)
    sparsity: float = flag(1.0, "sparse: weight β", min=0)
    noise: float = flag(0.25, "denoising: deviation of the Gaussian noise in training", min=0)
    contraction: float = flag(0.1, "contractive: weight λ", min=0)
    samples: int = flag(4, "stochastic: draws of the code for each image", min=2)
    learning_rate: float = flag(2e-3, "Adam's rate at the start; falls to 0 along a cosine", min=0)

    PAPER: ClassVar[dict[str, Any]] = {"dataset": "mnist", "hidden": 1000, "steps": 100_000}
    TINY: ClassVar[dict[str, Any]] = {"hidden": 4, "samples": 2}


def reconstruction(logits: jax.Array, x: jax.Array) -> jax.Array:
    """Cross-entropy of grey levels in nats, summed over pixels: [...]."""
    return -bernoulli_log_likelihood(logits.astype(jnp.float32), x)


def basic(network: TiedAutoencoder, x: jax.Array, key: jax.Array, config: Config) -> jax.Array:
    return reconstruction(network(x)[1], x).mean()


def sparse(network: TiedAutoencoder, x: jax.Array, key: jax.Array, config: Config) -> jax.Array:
    code, logits = network(x)
    return reconstruction(logits, x).mean() + config.sparsity * sparsity_penalty(code, config.target)


def denoising(network: TiedAutoencoder, x: jax.Array, key: jax.Array, config: Config) -> jax.Array:
    return reconstruction(network(gaussian(key, x, config.noise))[1], x).mean()


def contractive(network: TiedAutoencoder, x: jax.Array, key: jax.Array, config: Config) -> jax.Array:
    code, logits = network(x)
    penalty = sigmoid_layer_penalty(code, network.kernels[0]).mean()
    return reconstruction(logits, x).mean() + config.contraction * penalty


def stochastic(network: TiedAutoencoder, x: jax.Array, key: jax.Array, config: Config) -> jax.Array:
    q = x @ network.kernels[0] + network.biases[0]  # logits of q(h|x), the encoder before its sigmoid
    h = sample_bits(key, jnp.repeat(q[:, None], config.samples, axis=1))  # [B, samples, hidden]
    errors = reconstruction(network.decode(h), x[:, None])
    surrogate = leave_one_out_surrogate(errors, bernoulli_log_likelihood(q[:, None], h))
    return surrogate + bernoulli_kl(q, jnp.zeros(())).mean()


LOSSES: dict[str, Callable[..., jax.Array]] = {
    "basic": basic,
    "sparse": sparse,
    "denoising": denoising,
    "contractive": contractive,
    "stochastic": stochastic,
}


def loss(model: Rivals, batch: Batch, network: str, config: Config) -> tuple[jax.Array, Metrics]:
    return LOSSES[network](model[network], flat(batch["image"]), model.make_rng("noise"), config), {}


def code_and_image(model: Rivals, x: jax.Array, network: str) -> tuple[jax.Array, jax.Array]:
    """h [B, hidden] and x̂ [B, pixels], both in (0, 1); nothing is drawn."""
    code, logits = model[network](x)
    return code.astype(jnp.float32), jax.nn.sigmoid(logits.astype(jnp.float32))


def jacobian_norm(model: Rivals, x: jax.Array, network: str) -> jax.Array:
    return sigmoid_layer_penalty(model[network].encode(x), model[network].kernels[0])


def decoded(model: Rivals, code: jax.Array, network: str) -> jax.Array:
    return jax.nn.sigmoid(model[network].decode(code).astype(jnp.float32))


def sampled(trained: Trained, train_code: np.ndarray, network: str, count: int) -> np.ndarray:
    """Images [count, pixels] decoded from a Gaussian fitted to the training images' codes before their sigmoid."""
    before = np.asarray(logit(np.clip(train_code, 1e-4, 1 - 1e-4)))
    return np.asarray(trained(decoded, jax.nn.sigmoid(gaussian_draws(before, count)), network=network))


def measure(
    trained: Trained, dataset: Dataset, features: Callable[[np.ndarray], np.ndarray], network: str
) -> dict[str, float]:
    ask = functools.partial(trained, code_and_image, network=network)
    x = np.asarray(flat(dataset.test.arrays()["image"]))
    code, image = (np.asarray(a) for a in ask(x))
    train_code = np.asarray(ask(np.asarray(flat(dataset.train.arrays(10_000)["image"])))[0])
    return {
        "mse": float(np.square(image - x).mean()),
        "denoised_mse": float(np.square(np.asarray(ask(noisy(x, NOISE))[1]) - x).mean()),
        **probes(lambda x: ask(x)[0], dataset, FEW, NOISE),
        "jacobian_norm": float(np.asarray(trained(jacobian_norm, x, network=network)).mean()),
        "sparsity": hoyer_sparsity(code),
        "frechet": frechet(features(x), features(sampled(trained, train_code, network, len(x)))),
    }


def evaluate(trained: Trained, dataset: Dataset) -> dict[str, Any]:
    train = dataset.train.arrays(10_000)
    features = small_judge(np.asarray(flat(train["image"])), train["label"])
    rows = {network: measure(trained, dataset, features, network) for network in LOSSES}
    gains = {
        f"{metric}_gain": float(np.mean([rows[n][metric] - rows["basic"][metric] for n in LOSSES if n != "basic"]))
        for metric in ("few_label_probe", "noisy_probe")
    }
    return {**gains, **rows}


def baselines(trained: Trained, dataset: Dataset) -> dict[str, Any]:
    from sklearn.decomposition import PCA

    train, test = dataset.train.arrays(10_000), dataset.test.arrays()
    x_train, x = (np.asarray(flat(split["image"])) for split in (train, test))
    pca = PCA(min(32, *x_train.shape), random_state=0).fit(x_train)
    features = small_judge(x_train, train["label"])
    normal = gaussian_draws(x_train, len(x))
    return {
        f"PCA({pca.n_components_})": {
            "mse": float(np.square(pca.inverse_transform(pca.transform(x)) - x).mean()),
            "denoised_mse": float(np.square(pca.inverse_transform(pca.transform(noisy(x, NOISE))) - x).mean()),
            **probes(pca.transform, dataset, FEW, NOISE),
        },
        "raw pixels": {
            "denoised_mse": float(np.square(noisy(x, NOISE) - x).mean()),
            **probes(lambda x: x, dataset, FEW, NOISE),
        },
        "a Gaussian on pixels": {"frechet": frechet(features(x), features(normal.clip(0, 1)))},
        "training images": {"frechet": frechet(features(x), features(x_train[: len(x)]))},
    }


def conclude(replicas: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name in LOSSES:
        if name != "basic":
            for metric in ("few_label_probe", "noisy_probe"):
                gains = [replica[name][metric] - replica["basic"][metric] for replica in replicas]
                result[f"{name} improves the {metric.replace('_', ' ')} of basic"] = verdict(gains)
    pictures = [
        bars(
            {name: mean_and_standard_error([replica[name][metric] for replica in replicas]) for name in LOSSES},
            title=metric.replace("_", " "),
        )
        for metric in replicas[0]["basic"]
    ]
    return {**result, "comparison": panels(pictures, columns=2)}


def draw(trained: Trained, dataset: Dataset) -> dict[str, Any]:
    images = dataset.test.arrays(16)["image"]
    x, shape = np.asarray(flat(images)), images.shape[1:]
    train = np.asarray(flat(dataset.train.arrays(10_000)["image"]))
    filters, samples, cleaned = [], [], [images, noisy(x, NOISE).reshape(-1, *shape)]
    for name in LOSSES:
        kernel = np.asarray(trained.variables["params"][name]["kernel_0"]).T[:16]  # one row a hidden unit
        filters.append(stretched(kernel).reshape(-1, *shape))
        code = np.asarray(trained(code_and_image, train, network=name)[0])
        samples.append(sampled(trained, code, name, 16).reshape(-1, *shape))
        cleaned.append(np.asarray(trained(code_and_image, noisy(x, NOISE), network=name)[1]).reshape(-1, *shape))
    return {
        "samples": image_grid(np.stack(samples), row_labels=list(LOSSES)),
        "denoised": image_grid(np.stack(cleaned), row_labels=["test", "noisy", *LOSSES]),
        "filters": image_grid(np.concatenate(filters), columns=len(filters[0]), row_labels=list(LOSSES)),
    }


def build(config: Config, dataset: Dataset) -> Experiment:
    dataset.need_labelled_images("the probes need them")
    pixels = math.prod(dataset.train.spec["image"].shape)
    make = functools.partial(TiedAutoencoder, pixels, (config.hidden,))
    rate = optax.cosine_decay_schedule(config.learning_rate, config.steps)
    turns = rival_turns(functools.partial(loss, config=config), LOSSES)
    return Experiment(
        model=Rivals(dict.fromkeys(LOSSES, make)),
        stages=[Stage(turns, optax.adam(rate), config.steps)],
        data=dataset,
        evaluate=evaluate,
        baselines=baselines,
        conclude=conclude,
        figures=draw,
        dense=True,
        watch=tuple(f"{name}/loss" for name in LOSSES),
    )


if __name__ == "__main__":
    launch(Config, build)
