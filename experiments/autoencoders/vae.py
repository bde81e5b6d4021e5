"""A variational autoencoder: maximise E_q[log p(x|z)] − KL(q(z|x) ‖ p(z)) (Kingma & Welling 2014).

    python -m experiments.autoencoders.vae --replicas=5

Binary images, Bernoulli decoder, Gaussian latents. The main number is `nll`, the negative log-likelihood of the
test images in nats, by importance sampling with 5,000 samples per image (Burda et al. 2015). Baselines in the
same run: independent Bernoullis, and a mixture of Bernoullis whose size is chosen on the validation split.

    python -m experiments.autoencoders.vae --likelihood=logistic --steps=2500 --replicas=5

models all grey levels (`--likelihood=gaussian` their dequantised density); the main number is `bits_per_dim`,
against a histogram for each pixel. `--network=conv`, `--beta` (Higgins et al. 2017) and `--objective=iwae` change
one thing.
"""

import dataclasses
from functools import partial
from typing import Any

import numpy as np

from deeplearn import train as dl
from deeplearn.baselines.bernoulli_mixture import bernoulli_mixtures
from deeplearn.baselines.histograms import level_histograms
from deeplearn.data import Dataset
from deeplearn.errors import UserError
from deeplearn.figures.grid import image_grid, image_rows
from deeplearn.figures.plots import scatter
from deeplearn.losses.likelihoods import Bernoulli, Gaussian, Likelihood, Logistic
from deeplearn.losses.vae import elbo, log_weights, negative_elbo, negative_iwae
from deeplearn.metrics.bounds import active_units, bits_per_dim, log_likelihood_bound
from deeplearn.models.vae import VAE

LIKELIHOODS = ("bernoulli", "gaussian", "logistic")


@dataclasses.dataclass(frozen=True)
class Config(dl.OptimizerConfig):
    steps: int = 4000
    latents: int = dl.flag(16, "dimensions of the latent code", min=1)
    hidden: tuple[int, ...] = dl.flag((200, 200), "hidden widths of the encoder; the decoder's reversed", min=1)
    likelihood: str = dl.flag("bernoulli", "of black and white, dequantised, or grey pixels", choices=LIKELIHOODS)
    components: int = dl.flag(1, "logistic distributions that are mixed for each pixel", min=1)
    network: str = dl.flag("dense", "perceptrons or convolutional networks", choices=("dense", "conv"))
    features: int = dl.flag(32, "channels of the convolutional encoder's first layer", min=1)
    objective: str = dl.flag("elbo", "the bound that is maximised", choices=("elbo", "iwae"))
    samples: int = dl.flag(5, "draws k of z for each image under --objective=iwae", min=1)
    beta: float = dl.flag(1.0, "weight β of the KL term of the elbo", min=0)
    decoder_dropout: float = dl.flag(0.0, "fraction of the decoder's hidden units dropped", min=0, max=0.95)

    # The one-layer model of Burda et al. 2015, section 5.
    PAPER = {"dataset": "mnist", "latents": 50, "batch_size": 20, "learning_rate": 1e-3, "steps": 1_000_000}
    TINY = {"latents": 2, "hidden": (8,)}


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    test = dataset.test.arrays()
    x = np.asarray(trained(VAE.observe, test["image"]))
    code = np.asarray(trained(VAE.encode, x)[0])
    nll = -float(log_likelihood_bound(trained, log_weights, x).mean())
    bits = bits_per_dim(nll, x.shape[1], trained.model.likelihood.bin_width)
    metrics = {"nll": nll, "bits_per_dim": bits, **trained.mean(elbo, test), "active_units": active_units(code)}
    return dl.ours(metrics, code=code)


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    if trained.config.likelihood == "bernoulli":
        return bernoulli_mixtures(dataset, lambda image: trained(VAE.observe, image))
    return level_histograms(dataset, trained.model.likelihood.levels)


def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
    image = dataset.test.arrays(16)["image"]
    x, decoded = trained(VAE.observe, image), trained(VAE.reconstruct, image)
    rows = {"test": x, "decoded": decoded, "samples": trained(VAE.sample, count=4 * len(image))}
    return image_rows(rows, trained.model.shape)


def figures(report: dl.Report) -> dict[str, Any]:
    code, label = report.ours.arrays["code"][:2000], report.dataset.test.arrays(2000).get("label")

    def walk() -> Any:
        """Along straight lines between the codes of test images."""
        fraction = np.linspace(0, 1, 12)[None, :, None]
        count = min(8, len(code) // 2)
        between = code[:count, None] * (1 - fraction) + code[count : 2 * count, None] * fraction
        return image_grid(
            np.asarray(report.trained(VAE.mean_image, between.reshape(-1, code.shape[1]))), columns=12
        )

    def latent_map() -> Any:
        widest = np.argsort(-code.var(0))[:2]  # the two latents with the most information
        title = "Posterior means of test images, two widest latents"
        return scatter(code[:, widest], label, report.dataset.classes or None, title)

    pictures = {
        "reconstructions": lambda: sheet(report.trained, report.dataset),
        "samples": lambda: image_grid(np.asarray(report.trained(VAE.sample, count=100)), columns=10),
    }
    pictures |= {"latent_walk": walk} if len(code) > 1 else {}
    return pictures | ({"latent_map": latent_map} if code.shape[1] > 1 else {})


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset.need_images("this experiment models images")
    if config.likelihood != "bernoulli":
        dataset.need_levels(f"--likelihood={config.likelihood} needs images with grey levels")
    if config.objective == "iwae" and config.beta != 1:
        raise UserError("--objective=iwae is a bound on the likelihood as a whole: it has no --beta")
    if config.network == "conv":
        dataset.need_square_images("--network=conv is for square images")
    levels = dataset.levels or 2
    likelihoods: dict[str, Likelihood] = {
        "bernoulli": Bernoulli(),
        "gaussian": Gaussian(levels),
        "logistic": Logistic(levels, config.components),
    }
    elbo_loss, iwae_loss = partial(negative_elbo, beta=config.beta), partial(negative_iwae, samples=config.samples)
    loss = iwae_loss if config.objective == "iwae" else elbo_loss
    rival = "mixture of Bernoullis" if config.likelihood == "bernoulli" else "histogram of levels"
    return dl.Experiment(
        model=VAE(
            dataset.image_shape,
            config.latents,
            config.hidden,
            likelihoods[config.likelihood],
            config.network,
            config.features,
            config.decoder_dropout,
        ),
        stages=[dl.Stage([dl.Turn(loss)], config.chain(), config.steps, ema=0.999)],
        data=dataset,
        evaluate=evaluate,
        validate=elbo,
        best="elbo",
        baselines=baselines,
        figures=figures,
        sheet=sheet,
        claims=[dl.Claim(f"test images are likelier than under a {rival}", dl.OURS, rival, "-bits_per_dim")],
    )


if __name__ == "__main__":
    dl.launch(Config, build)
