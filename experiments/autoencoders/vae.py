"""A variational autoencoder: maximise E_q[log p(x|z)] − KL(q(z|x) ‖ p(z)) (Kingma & Welling 2014).

    python -m experiments.autoencoders.vae --replicas=5

Binary images, Bernoulli decoder, Gaussian latents. The number to look at is `nll`, the negative log-likelihood of
the test images in nats, by importance sampling with 5,000 samples an image (Burda et al. 2015). Baselines in the
same run: independent Bernoullis, and a mixture of Bernoullis whose size is chosen on the validation split.

    python -m experiments.autoencoders.vae --likelihood=logistic --steps=2500 --replicas=5

models all grey levels (`--likelihood=gaussian` their dequantised density); look at `bits_per_dim`, beside a
histogram for each pixel. `--network=conv`, `--beta` (Higgins et al. 2017) and `--objective=iwae` change one thing.

Measured, test split, five seeds: the first command 16.34 ± .02 nats (mixture of 50 Bernoullis 17.61); with IWAE's
objective 16.18 ± .01, convolutional 16.54 ± .05, and with β = 4 no unit is active (24.38, as independent pixels).
The second, 156 s on one core: 1.900 ± .003 bits per dimension (histograms 2.425), 84.3 ± .1 nats. Gaussian pixels
give 2.549 ± .011 bits, worse than the histograms: even a pixel that is always black costs a Gaussian a quarter of a
bit, ½ log₂(2πe/12), against the uniform density of its dequantised values.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from deeplearn.baselines import bernoulli_mixture
from deeplearn.baselines.histograms import independent_levels_nll
from deeplearn.data import Dataset
from deeplearn.errors import UserError
from deeplearn.figures.grid import image_grid
from deeplearn.figures.plots import scatter
from deeplearn.losses.elbo import gaussian_kl, gaussian_log_density, sample_gaussian
from deeplearn.losses.likelihoods import Bernoulli, Gaussian, Likelihood, Logistic
from deeplearn.metrics.bounds import active_units, bits_per_dim, importance_weighted_bound
from deeplearn.models.convolutional import ConvDecoder, ConvEncoder
from deeplearn.models.mlp import MLP
from deeplearn.nn.corruption import gaussian
from deeplearn.train import Batch, Experiment, Metrics, Stage, Trained, Turn, flag, launch
from deeplearn.train import Config as BaseConfig

LIKELIHOODS = ("bernoulli", "gaussian", "logistic")


@dataclasses.dataclass(frozen=True)
class Config(BaseConfig):
    steps: int = 4000
    latents: int = flag(16, "dimensions of the latent code", min=1)
    hidden: tuple[int, ...] = flag((200, 200), "widths of the encoder's hidden layers; the decoder's reversed")
    learning_rate: float = flag(2e-3, "Adam's rate at the start; falls to 0 along a cosine", min=0)
    likelihood: str = flag("bernoulli", "of black and white, dequantised, or grey pixels", choices=LIKELIHOODS)
    components: int = flag(1, "logistic distributions that are mixed for each pixel", min=1)
    network: str = flag("dense", "perceptrons or convolutional networks", choices=("dense", "conv"))
    features: int = flag(32, "channels of the convolutional encoder's first layer", min=1)
    objective: str = flag("elbo", "the bound that is climbed", choices=("elbo", "iwae"))
    samples: int = flag(5, "draws k of z for each image under --objective=iwae", min=1)
    beta: float = flag(1.0, "weight β of the KL term of the elbo", min=0)
    decoder_dropout: float = flag(0.0, "share of the decoder's hidden units dropped", min=0, max=0.95)

    # The one-layer model of Burda et al. 2015, section 5.
    PAPER: ClassVar[dict[str, Any]] = {
        "dataset": "mnist",
        "latents": 50,
        "batch_size": 20,
        "learning_rate": 1e-3,
        "steps": 1_000_000,
    }
    TINY: ClassVar[dict[str, Any]] = {"latents": 2, "hidden": (8,)}


class VAE(nn.Module):
    """Encoder q(z|x) and decoder p(x|z), perceptrons or convolutional; x [B, pixels], z [B, latents]."""

    shape: tuple[int, int, int]
    latents: int
    hidden: tuple[int, ...]
    likelihood: Likelihood = Bernoulli()
    network: str = "dense"
    features: int = 32
    dropout: float = 0.0  # of the decoder

    def setup(self) -> None:
        height, _, channels = self.shape
        parts = self.likelihood.parts
        if self.network == "conv":
            self.encoder = ConvEncoder(self.features, 2 * self.latents)
            self.decoder = ConvDecoder(self.features, height, channels * parts, self.dropout)
        else:
            self.encoder = MLP(self.hidden, 2 * self.latents)
            self.decoder = MLP(self.hidden[::-1], math.prod(self.shape) * parts, dropout=self.dropout)

    def observe(self, image: jax.Array) -> jax.Array:
        """Images [B, H, W, C] in [0, 1] as the x that is modelled."""
        return self.likelihood.observe(image.reshape(len(image), -1), lambda: self.make_rng("noise"))

    def encode(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Mean and log-variance of q(z|x), [B, latents] each."""
        x = 2 * x - 1
        if self.network == "conv":
            x = x.reshape(-1, *self.shape)
        mean, log_variance = jnp.split(self.encoder(x).astype(jnp.float32), 2, axis=-1)
        return mean, log_variance

    def decode(self, z: jax.Array, train: bool = False) -> jax.Array:
        """Parameters of p(x|z), [B, pixels · parts]: logits, for black and white images."""
        return self.decoder(z, train=train).astype(jnp.float32).reshape(len(z), -1)

    def mean_image(self, z: jax.Array) -> jax.Array:
        """E[x|z], [B, H, W, C]."""
        return self.likelihood.mean(self.decode(z)).reshape(-1, *self.shape)


def negative_elbo(
    vae: VAE, batch: Batch, beta: float = 1.0, train: bool = True, noise: float = 0.0
) -> tuple[jax.Array, Metrics]:
    """`noise` is the deviation of Gaussian noise on what the encoder sees."""
    x = vae.observe(batch["image"])
    seen = gaussian(vae.make_rng("noise"), x, noise)
    mean, log_variance = vae.encode(seen)
    z = sample_gaussian(vae.make_rng("noise"), mean, log_variance)
    reconstruction = -vae.likelihood.log_likelihood(vae.decode(z, train), x).mean()  # nats, summed over pixels
    kl = gaussian_kl(mean, log_variance).mean()
    return reconstruction + beta * kl, {"reconstruction": reconstruction, "kl": kl}


def validate(vae: VAE, batch: Batch) -> Metrics:
    loss, metrics = negative_elbo(vae, batch, train=False)
    return {"elbo": -loss, **metrics}


def log_weights(vae: VAE, x: jax.Array, samples: int, train: bool = False) -> jax.Array:
    """log p(x, z) − log q(z|x) at `samples` draws z of q(z|x): [B, samples]."""
    mean, log_variance = (jnp.repeat(a[:, None], samples, axis=1) for a in vae.encode(x))
    z = sample_gaussian(vae.make_rng("noise"), mean, log_variance)
    outputs = vae.decode(z.reshape(-1, vae.latents), train).reshape(len(x), samples, -1)
    prior = gaussian_log_density(z, jnp.zeros(()), jnp.zeros(()))
    return vae.likelihood.log_likelihood(outputs, x[:, None]) + prior - gaussian_log_density(z, mean, log_variance)


def negative_iwae(vae: VAE, batch: Batch, samples: int) -> tuple[jax.Array, Metrics]:
    """−E log 1/k Σ p(x, zᵢ)/q(zᵢ|x), a tighter bound than the ELBO (Burda et al. 2015, equation 8)."""
    weights = log_weights(vae, vae.observe(batch["image"]), samples, train=True)
    return -importance_weighted_bound(weights, axis=1).mean(), {"elbo": weights.mean()}


def log_likelihood_bound(trained: Trained, x: np.ndarray, samples: int = 5000, block: int = 250) -> np.ndarray:
    """The importance-weighted bound on log p(x) with `samples` samples, [N]; `block` at a time to bound memory."""
    blocks = [trained.folded(i).over(log_weights, x, size=100, samples=block) for i in range(samples // block)]
    return np.asarray(importance_weighted_bound(np.concatenate(blocks, axis=1), axis=1))


def evaluate(trained: Trained, dataset: Dataset) -> dict[str, float]:
    test = dataset.test.arrays()
    x = np.asarray(trained(VAE.observe, test["image"]))
    mean, _ = trained(VAE.encode, x)
    nll = -float(log_likelihood_bound(trained, x).mean())
    return {
        "nll": nll,
        "bits_per_dim": bits_per_dim(nll, x.shape[1], trained.model.likelihood.bin_width),
        **trained.mean(validate, test),
        "active_units": active_units(np.asarray(mean)),
    }


def baselines(trained: Trained, dataset: Dataset) -> dict[str, Any]:
    images = [split.arrays(10_000)["image"] for split in (dataset.train, dataset.validation, dataset.test)]
    dimensions, likelihood = math.prod(trained.model.shape), trained.model.likelihood
    if not isinstance(likelihood, Bernoulli):
        name = f"independent, {likelihood.levels} levels"
        nlls = {name: independent_levels_nll(*images, likelihood.levels)}
    else:
        train, validation, test = (np.asarray(trained(VAE.observe, image)) for image in images)
        independent = bernoulli_mixture.fit(train, 1, seed=0)
        mixture = bernoulli_mixture.fit_best(train, validation, (10, 20, 50, 100), seed=0)
        rows = {
            "independent Bernoullis": independent,
            f"mixture of {len(mixture.log_weights)} Bernoullis": mixture,
        }
        nlls = {name: -bernoulli_mixture.log_likelihood(test, model).mean() for name, model in rows.items()}
    return {name: {"nll": nll, "bits_per_dim": bits_per_dim(nll, dimensions)} for name, nll in nlls.items()}


def draw(trained: Trained, dataset: Dataset) -> dict[str, Any]:
    test = dataset.test.arrays(2000)
    x = np.asarray(trained(VAE.observe, test["image"]))
    mean, _ = (np.asarray(a) for a in trained(VAE.encode, x))
    latents = mean.shape[-1]

    def pictures(z: np.ndarray) -> np.ndarray:
        return np.asarray(trained(VAE.mean_image, z))

    pairs = np.stack([x[:16].reshape(-1, *trained.model.shape), pictures(mean[:16])])
    noise = np.asarray(jax.random.normal(trained.key, (100, latents)))
    # A walk along straight lines between the codes of test images.
    share = np.linspace(0, 1, 12)[None, :, None]
    walk = mean[:8, None] * (1 - share) + mean[8:16, None] * share
    used = np.argsort(-mean.var(0))[:2]  # the two latents that say most
    return {
        "reconstructions": image_grid(pairs, row_labels=["test", "decoded"]),
        "samples": image_grid(pictures(noise), columns=10),
        "latent_walk": image_grid(pictures(walk.reshape(-1, latents)), columns=12),
        "latent_map": scatter(
            mean[:, used],
            test.get("label"),
            dataset.classes or None,
            "Posterior means of test images, two widest latents",
        ),
    }


def build(config: Config, dataset: Dataset) -> Experiment:
    if "image" not in dataset.train.spec:
        raise UserError(f"--dataset={config.dataset} has no images: this experiment models images")
    if config.likelihood != "bernoulli" and dataset.levels is None:
        raise UserError(
            f"--likelihood={config.likelihood} needs images with grey levels, as {config.dataset} has not"
        )
    if config.objective == "iwae" and config.beta != 1:
        raise UserError("--objective=iwae is a bound on the likelihood as a whole: it has no --beta")
    shape = dataset.train.spec["image"].shape
    if config.network == "conv" and shape[0] != shape[1]:
        raise UserError(
            f"--network=conv is for square images, and {config.dataset} has {shape[0]}×{shape[1]} pixels"
        )
    levels = dataset.levels or 2
    likelihoods = {
        "bernoulli": Bernoulli(),
        "gaussian": Gaussian(levels),
        "logistic": Logistic(levels, config.components),
    }
    model = VAE(
        shape,
        config.latents,
        config.hidden,
        likelihoods[config.likelihood],
        config.network,
        config.features,
        config.decoder_dropout,
    )
    if config.objective == "iwae":
        loss = functools.partial(negative_iwae, samples=config.samples)
    else:
        loss = functools.partial(negative_elbo, beta=config.beta)
    rate = optax.cosine_decay_schedule(config.learning_rate, config.steps)
    return Experiment(
        model=model,
        stages=[Stage([Turn(loss)], optax.adam(rate), config.steps, ema=0.999)],
        data=dataset,
        evaluate=evaluate,
        validate=validate,
        best="elbo",
        baselines=baselines,
        figures=draw,
        dense=config.network == "dense",
        watch=("loss", "kl", "elbo"),
    )


if __name__ == "__main__":
    launch(Config, build)
