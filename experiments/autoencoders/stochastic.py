"""Stochastic encoder and decoder: maximise E_q[log p(x|h)] − KL(q(h|x) ‖ p(h)), with Gaussian codes and with bits.

    python -m experiments.autoencoders.stochastic --replicas=5

The encoder gives a distribution q(h|x) instead of a code, the decoder a distribution p(x|h) instead of an image. So
there is a likelihood, and new images are drawn from h ~ p(h). Three rivals on black and white images: `gaussian`
(the run's own row), with gradients through its draws (Kingma & Welling 2014), `bits`, stochastic binary units whose
gradient is the score function with the other draws as its baseline, and `deterministic`, a plain autoencoder, which
has a reconstruction but no likelihood. `nll` is in nats, by importance sampling with 5,000 draws per image; the
baselines are mixtures of Bernoullis; `pixel_error` is the fraction of pixels in which a drawn reconstruction
differs from the original.
"""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from deeplearn import train as dl
from deeplearn.baselines.bernoulli_mixture import bernoulli_mixtures
from deeplearn.baselines.probe import probes
from deeplearn.data import Dataset
from deeplearn.figures.grid import image_rows
from deeplearn.losses.bernoulli_code import bernoulli_kl, leave_one_out_surrogate, sample_bits
from deeplearn.losses.elbo import bernoulli_log_likelihood, gaussian_kl, sample_gaussian
from deeplearn.losses.likelihoods import Bernoulli
from deeplearn.losses.reconstruction import cross_entropy_of_pixels
from deeplearn.losses.vae import log_weights
from deeplearn.metrics.bounds import log_likelihood_bound
from deeplearn.models.autoencoder import Autoencoder
from deeplearn.models.bernoulli_vae import BernoulliVAE
from deeplearn.models.vae import VAE
from deeplearn.nn.functional import binary

SHOWN, DRAWS = 12, 3  # images, and draws of each, in the figure of reconstructions
ROWS = {"gaussian": dl.OURS, "bits": "code of bits", "deterministic": "deterministic autoencoder"}


@dataclasses.dataclass(frozen=True)
class Config(dl.OptimizerConfig):
    steps: int = 3000
    latents: int = dl.flag(16, "Gaussian latents, and the width of the deterministic code", min=1)
    bits: int = dl.flag(64, "binary latents", min=1)
    hidden: tuple[int, ...] = dl.flag((200, 200), "hidden widths of the encoder; the decoder's reversed", min=1)
    samples: int = dl.flag(4, "draws of the code for each image in training", min=2)

    # A stochastic layer of 200 bits, as in Mnih & Gregor 2014, section 5.1.
    PAPER = {"dataset": "mnist", "bits": 200, "latents": 50, "steps": 500_000}
    TINY = {"latents": 2, "bits": 4, "hidden": (8,), "samples": 2}


class GaussianCode(VAE):
    """h ~ N(μ(x), σ²(x)), and p(h) a standard Gaussian; the gradient goes through the draws."""

    def loss(self, batch: dl.Batch, samples: int) -> dl.Losses:
        x = binary(batch["image"])
        mean, log_variance = self.encode(x)
        q = (jnp.repeat(a[:, None], samples, axis=1) for a in (mean, log_variance))
        h = sample_gaussian(self.make_rng("noise"), *q)  # [B, samples, latents]
        reconstruction = -bernoulli_log_likelihood(self.decode(h), x[:, None]).mean()
        return bound(reconstruction, gaussian_kl(mean, log_variance).mean())

    def draw(self, x: jax.Array) -> jax.Array:
        return sample_gaussian(self.make_rng("noise"), *self.encode(x))

    def code(self, x: jax.Array) -> jax.Array:
        return self.encode(x)[0]


class BitCode(BernoulliVAE):
    """h_j ~ Bernoulli(q_j(x)), and p(h) learned probabilities; the gradient is the score function's."""

    def loss(self, batch: dl.Batch, samples: int) -> dl.Losses:
        x = binary(batch["image"])
        q = self.encode(x)
        h = sample_bits(self.make_rng("noise"), jnp.repeat(q[:, None], samples, axis=1))
        errors = -bernoulli_log_likelihood(self.decode(h), x[:, None])  # [B, samples]
        reconstruction = leave_one_out_surrogate(errors, bernoulli_log_likelihood(q[:, None], h))
        return bound(reconstruction, bernoulli_kl(q, self.prior).mean())

    def log_weights(self, x: jax.Array, samples: int) -> jax.Array:
        """log p(x, h) − log q(h|x) at draws h of q(h|x): [B, samples]."""
        q = jnp.repeat(self.encode(x)[:, None], samples, axis=1)
        h = sample_bits(self.make_rng("noise"), q)
        log_p = bernoulli_log_likelihood(self.decode(h), x[:, None]) + bernoulli_log_likelihood(self.prior, h)
        return log_p - bernoulli_log_likelihood(q, h)

    def draw(self, x: jax.Array) -> jax.Array:
        return sample_bits(self.make_rng("noise"), self.encode(x))

    def code(self, x: jax.Array) -> jax.Array:
        return jax.nn.sigmoid(self.encode(x))

    def sample(self, count: int) -> jax.Array:
        prior = jnp.broadcast_to(self.prior, (count, self.latents))
        return jax.nn.sigmoid(self.decode(sample_bits(self.make_rng("noise"), prior)))


class DeterministicCode(Autoencoder):
    """h is a function of x; where a prior is needed, it is a standard Gaussian."""

    def loss(self, batch: dl.Batch, samples: int) -> dl.Losses:
        x = binary(batch["image"])
        reconstruction = cross_entropy_of_pixels(self.decode(self.code(x)), x)
        return reconstruction, {"reconstruction": reconstruction}

    def code(self, x: jax.Array) -> jax.Array:
        return self.encode(2 * x - 1)

    draw = code

    def sample(self, count: int) -> jax.Array:
        h = jax.random.normal(self.make_rng("noise"), (count, self.hidden[-1]))
        return jax.nn.sigmoid(self.decode(h))


LOG_WEIGHTS: dict[str, Callable[..., jax.Array]] = {"gaussian": log_weights, "bits": BitCode.log_weights}


def bound(reconstruction: jax.Array, kl: jax.Array) -> dl.Losses:
    """The negative ELBO in nats."""
    return reconstruction + kl, {"elbo": -reconstruction - kl, "reconstruction": reconstruction, "kl": kl}


def validate(model: Any, batch: dl.Batch) -> dl.Metrics:
    return model.loss(batch, samples=8)[1]


def code(model: Any, x: jax.Array) -> jax.Array:
    """E_q[h], [B, latents]."""
    return model.code(x)


def redrawn(model: Any, x: jax.Array) -> jax.Array:
    """An image x' ~ p(x|h) with h ~ q(h|x), black and white: [B, pixels]."""
    return sample_bits(model.make_rng("noise"), model.decode(model.draw(x)))


def sampled(model: Any, count: int) -> jax.Array:
    """Mean images of h ~ p(h), [count, ...]."""
    return model.sample(count)


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    test = dataset.test.arrays()
    x = np.asarray(binary(test["image"]))
    weights = LOG_WEIGHTS.get(trained.facts["code"])
    metrics = {
        **({} if weights is None else {"nll": -float(log_likelihood_bound(trained, weights, x).mean())}),
        **trained.mean(validate, test),
        "pixel_error": float(np.abs(np.asarray(trained(redrawn, x)) - x).mean()),
        "probe_accuracy": probes(lambda image: trained(code, binary(image)), dataset)["probe"],
    }
    again = [np.asarray(trained.folded(number)(redrawn, x[:SHOWN])) for number in range(DRAWS)]
    return dl.ours(metrics, redrawn=np.concatenate(again), samples=np.asarray(trained(sampled, count=32)))


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    return bernoulli_mixtures(dataset, binary)


def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
    x = binary(dataset.test.arrays(16)["image"])
    rows = {"test": x}
    for name in ROWS:
        rows[f"{name}, drawn"] = trained[name](redrawn, x)
        rows[f"{name}, samples"] = trained[name](sampled, count=2 * len(x))
    return image_rows(rows, dataset.image_shape)


def figures(report: dl.Report) -> dict[str, Any]:
    shape = report.dataset.image_shape

    def reconstructions() -> Any:
        drawn = {f"{name}, drawn": report.rows[row].arrays["redrawn"] for name, row in ROWS.items()}
        return image_rows({"test": binary(report.dataset.test.arrays(SHOWN)["image"]), **drawn}, shape)

    def samples() -> Any:
        return image_rows({name: report.rows[row].arrays["samples"] for name, row in ROWS.items()}, shape, 16)

    return {"reconstructions": reconstructions, "samples": samples}


CLAIMS = [
    dl.Claim(f"test images are likelier under {code} than under {other}", row, than, "-nll")
    for code, row, other, than in (
        ("Gaussian codes", dl.OURS, "bits", ROWS["bits"]),
        ("Gaussian codes", dl.OURS, "a mixture of Bernoullis", "mixture of Bernoullis"),
        ("bits", ROWS["bits"], "a mixture of Bernoullis", "mixture of Bernoullis"),
    )
]


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset.need_labelled_images("the probe needs them")
    models: dict[str, Any] = {
        "gaussian": GaussianCode(dataset.image_shape, config.latents, config.hidden, Bernoulli()),
        "bits": BitCode(dataset.pixels, config.bits, config.hidden),
        "deterministic": DeterministicCode(dataset.pixels, (*config.hidden, config.latents)),
    }

    def rival(name: str) -> dl.Rival:
        loss = partial(type(models[name]).loss, samples=config.samples)
        stage = dl.Stage([dl.Turn(loss)], config.chain(), config.steps, ema=0.999)
        return dl.Rival(models[name], [stage], evaluate, validate, facts={"code": name}, row=ROWS[name])

    return dl.side_by_side(
        {name: rival(name) for name in models},
        data=dataset,
        best="gaussian/elbo",
        baselines=baselines,
        figures=figures,
        sheet=sheet,
        claims=CLAIMS,
    )


if __name__ == "__main__":
    dl.launch(Config, build)
