"""A variational autoencoder: maximise E_q[log p(x|z)] − KL(q(z|x) ‖ p(z)) (Kingma & Welling 2014).

    python -m experiments.autoencoders.vae --replicas=5

Binary images, Bernoulli decoder, Gaussian latents. The number to look at is `nll`, the negative log-likelihood of
the test images in nats, by importance sampling with 5,000 samples an image (Burda et al. 2015). Baselines in the
same run: independent Bernoullis, and a mixture of Bernoullis whose size is chosen on the validation split.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from deeplearn.data import Dataset
from deeplearn.errors import UserError
from deeplearn.figures.grid import image_grid
from deeplearn.figures.plots import scatter
from deeplearn.losses.elbo import bernoulli_log_likelihood, gaussian_kl, gaussian_log_density, sample_gaussian
from deeplearn.metrics import bernoulli_mixture
from deeplearn.metrics.bounds import active_units, importance_weighted_bound
from deeplearn.models.mlp import MLP
from deeplearn.train import Batch, Experiment, Metrics, Stage, Trained, Turn, flag, launch
from deeplearn.train import Config as BaseConfig


@dataclasses.dataclass(frozen=True)
class Config(BaseConfig):
    steps: int = 4000
    latents: int = flag(16, "dimensions of the latent code", least=1)
    hidden: tuple[int, ...] = flag((200, 200), "widths of the encoder's hidden layers; the decoder's reversed")
    learning_rate: float = flag(2e-3, "Adam's rate at the start; falls to 0 along a cosine", least=0)

    # The one-layer model of Burda et al. 2015, section 5.
    PAPER: ClassVar[dict[str, Any]] = {
        "dataset": "mnist",
        "latents": 50,
        "batch_size": 20,
        "learning_rate": 1e-3,
        "steps": 1_000_000,
    }


class VAE(nn.Module):
    """Encoder q(z|x) and decoder p(x|z) as multilayer perceptrons; x [B, pixels] in {0, 1}, z [B, latents]."""

    pixels: int
    latents: int
    hidden: tuple[int, ...]

    def setup(self) -> None:
        self.encoder = MLP(self.hidden, 2 * self.latents)
        self.decoder = MLP(self.hidden[::-1], self.pixels)

    def encode(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Mean and log-variance of q(z|x), [B, latents] each."""
        mean, log_variance = jnp.split(self.encoder(2 * x - 1).astype(jnp.float32), 2, axis=-1)
        return mean, log_variance

    def decode(self, z: jax.Array) -> jax.Array:
        """Logits of p(x|z), [B, pixels]."""
        return self.decoder(z).astype(jnp.float32)


def binary(image: jax.Array) -> jax.Array:
    """Grey images [B, H, W, C] in [0, 1] as flat black and white ones [B, pixels]."""
    return (image.reshape(len(image), -1) > 0.5).astype(jnp.float32)


def negative_elbo(vae: VAE, batch: Batch) -> tuple[jax.Array, Metrics]:
    x = binary(batch["image"])
    mean, log_variance = vae.encode(x)
    z = sample_gaussian(vae.make_rng("noise"), mean, log_variance)
    reconstruction = -bernoulli_log_likelihood(vae.decode(z), x).mean()  # nats, summed over pixels
    kl = gaussian_kl(mean, log_variance).mean()
    return reconstruction + kl, {"reconstruction": reconstruction, "kl": kl}


def validate(vae: VAE, batch: Batch) -> Metrics:
    loss, metrics = negative_elbo(vae, batch)
    return {"elbo": -loss, **metrics}


def log_weights(vae: VAE, x: jax.Array, samples: int) -> jax.Array:
    """log p(x, z) − log q(z|x) at `samples` draws z of q(z|x): [B, samples]."""
    mean, log_variance = (jnp.repeat(a[:, None], samples, axis=1) for a in vae.encode(x))
    z = sample_gaussian(vae.make_rng("noise"), mean, log_variance)
    logits = vae.decode(z.reshape(-1, vae.latents)).reshape(len(x), samples, -1)
    prior = gaussian_log_density(z, jnp.zeros(()), jnp.zeros(()))
    return bernoulli_log_likelihood(logits, x[:, None]) + prior - gaussian_log_density(z, mean, log_variance)


def log_likelihood_bound(trained: Trained, x: np.ndarray, samples: int = 5000, block: int = 250) -> np.ndarray:
    """The importance-weighted bound on log p(x) with `samples` samples, [N]; `block` at a time to bound memory."""
    blocks = [trained.folded(i).over(log_weights, x, size=100, samples=block) for i in range(samples // block)]
    return np.asarray(importance_weighted_bound(np.concatenate(blocks, axis=1), axis=1))


def evaluate(trained: Trained, dataset: Dataset) -> dict[str, float]:
    test = dataset.test.arrays()
    x = np.asarray(binary(test["image"]))
    mean, _ = trained(VAE.encode, x)
    return {
        "nll": -float(log_likelihood_bound(trained, x).mean()),
        **trained.mean(validate, test),
        "active_units": active_units(np.asarray(mean)),
    }


def baselines(trained: Trained, dataset: Dataset) -> dict[str, Any]:
    train, validation, test = (
        np.asarray(binary(split.arrays(10_000)["image"]))
        for split in (dataset.train, dataset.validation, dataset.test)
    )
    independent = bernoulli_mixture.fit(train, 1, seed=0)
    mixture = bernoulli_mixture.fit_best(train, validation, (10, 20, 50, 100), seed=0)
    return {
        "independent Bernoullis": {"nll": -bernoulli_mixture.log_likelihood(test, independent).mean()},
        f"mixture of {len(mixture.log_weights)} Bernoullis": {
            "nll": -bernoulli_mixture.log_likelihood(test, mixture).mean()
        },
    }


def draw(trained: Trained, dataset: Dataset) -> dict[str, Any]:
    test = dataset.test.arrays(2000)
    x, shape = np.asarray(binary(test["image"])), test["image"].shape[1:]
    mean, _ = (np.asarray(a) for a in trained(VAE.encode, x))
    latents = mean.shape[-1]

    def pictures(z: np.ndarray) -> np.ndarray:
        return np.asarray(jax.nn.sigmoid(trained(VAE.decode, z))).reshape(-1, *shape)

    pairs = np.stack([x[:16].reshape(-1, *shape), pictures(mean[:16])])
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
    pixels = int(np.prod(dataset.train.arrays(1)["image"].shape))
    rate = optax.cosine_decay_schedule(config.learning_rate, config.steps)
    return Experiment(
        model=VAE(pixels, config.latents, config.hidden),
        stages=[Stage([Turn(negative_elbo)], optax.adam(rate), config.steps, ema=0.999)],
        data=dataset,
        evaluate=evaluate,
        validate=validate,
        best="elbo",
        baselines=baselines,
        figures=draw,
        dense=True,
        watch=("loss", "kl", "elbo"),
    )


if __name__ == "__main__":
    launch(Config, build)
