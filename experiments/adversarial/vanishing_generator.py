"""A discriminator that is too good teaches nothing: the generator's gradient, saturating against non-saturating.

    python -m experiments.adversarial.vanishing_generator --replicas=5
    python -m experiments.adversarial.vanishing_generator --steps=100 --workdir=runs/early

Arjovsky & Bottou 2017, "Towards principled methods for training generative adversarial networks", figures 2 and 3.
A GAN of images is trained for `--steps`, its generator is frozen, and a fresh discriminator is trained against it.
Measured is log₁₀ of the norm of the generator's gradient on the way, and its change: does that of
E log(1 − D(G(z))) vanish as the discriminator gets better, and that of −E log D(G(z)) grow?
"""

import dataclasses
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax

from deeplearn import train as dl
from deeplearn.adversarial.config import GameConfig
from deeplearn.adversarial.discriminator import Discriminator
from deeplearn.adversarial.images import leaky_relu
from deeplearn.adversarial.players import ImageGAN
from deeplearn.adversarial.turns import state_of_play
from deeplearn.adversarial.watch import ALARMS
from deeplearn.data import Dataset
from deeplearn.figures.plots import curves
from deeplearn.losses.adversarial import GAMES
from deeplearn.metrics.history import record, recorded
from deeplearn.models.dcgan import DenseCritic
from deeplearn.models.dense_generator import DenseGenerator
from deeplearn.models.mixture_prior import GaussianPrior

LOSSES = ("saturating", "non_saturating")
OTHER = "non-saturating"  # its row; the saturating loss's is the experiment's own
POINTS = 100  # of a curve


@dataclasses.dataclass(frozen=True)
class Config(GameConfig):
    steps: int = dl.flag(2000, "of the game, before the generator is frozen", min=1)
    frozen: int = dl.flag(2000, "of the fresh discriminator", min=1)
    frozen_rate: float = dl.flag(1e-3, "the fresh discriminator's rate", min=0)
    learning_rate: float = 1e-3
    latents: int = dl.flag(16, "dimensions of the noise", min=1)
    hidden: tuple[int, ...] = dl.flag((128, 128), "widths of the hidden layers of all networks", min=1)

    # Figures 2 and 3: 4,000 iterations against a generator of ten epochs; theirs is a DCGAN.
    PAPER = {"dataset": "mnist", "hidden": (512, 512), "batch_size": 64, "steps": 9375, "frozen": 4000}
    TINY = {"hidden": (8,), "frozen": 4}


class Frozen(ImageGAN):
    """With a second discriminator, which only the frozen generator plays against."""

    fresh: Discriminator


def norms(model: Frozen, count: int) -> jax.Array:
    """‖∇ of each of LOSSES‖ with respect to the generator's parameters, on the same noise: [2]."""
    noise = model.prior(count)  # type: ignore[operator]
    network, variables = model.generator.unbind()
    judge, its = model.fresh.unbind()

    def loss(params: Any, game: str) -> jax.Array:
        made = network.apply({**variables, "params": params}, noise, False)
        logits: Any = judge.apply(its, made)
        return GAMES[game].generator(logits)

    gradients = [jax.grad(loss)(variables["params"], game) for game in LOSSES]
    return jnp.stack([optax.tree.norm(gradient) for gradient in gradients])


def judge_frozen(model: Frozen, batch: dl.Batch, first: int, steps: int) -> dl.Losses:
    """The fresh discriminator's loss; it records log₁₀ of the generator's gradients' norms."""
    real, fake = model.real(batch), model.fake(batch)
    on_real, on_fake = (model.fresh(x, train=True) for x in (real, fake))
    found = jnp.log10(jax.lax.stop_gradient(norms(model, len(fake))) + 1e-30)
    record(model, "norms", found, batch["step"] - first, steps, points=POINTS)
    metrics = dict(zip(LOSSES, found, strict=True))
    model.fresh.adapt(on_real)
    loss = GAMES["non_saturating"].discriminator(on_real, on_fake)
    return loss, metrics | state_of_play(real, fake, on_real, on_fake)


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    steps, found = recorded(trained.variables, "norms", trained.config.frozen)
    rows = {}
    for row, column in ((dl.OURS, found[:, 0]), (OTHER, found[:, 1])):
        metrics = {"log_norm_first": column[0], "log_norm_last": column[-1], "log_change": column[-1] - column[0]}
        rows[row] = dl.Measured(metrics, {"steps": steps, "norm": 10.0**column})
    return rows


def figures(report: dl.Report) -> dict[str, Any]:
    rows = report.beside("saturating")
    series = {row: (found.arrays["steps"], found.arrays["norm"]) for row, found in rows.items()}
    labels = "steps of the fresh discriminator", "norm of the generator's gradient"
    return {"gradients": lambda: curves(series, *labels, log_y=True)}


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset.need_images("generator and discriminators are of images")
    game, fresh = (
        config.discriminator(DenseCritic(config.hidden, leaky_relu, config.minibatch_stddev)) for _ in range(2)
    )
    generator = DenseGenerator(dataset.image_shape, config.hidden)
    model = Frozen(GaussianPrior(config.latents), generator, game, fresh)
    turn = dl.Turn(partial(judge_frozen, first=config.steps, steps=config.frozen), trains=("fresh",))
    return dl.Experiment(
        model=model,
        stages=[
            config.stage(),
            dl.Stage([turn], optax.adam(config.frozen_rate, b1=config.beta1), config.frozen, name="frozen"),
        ],
        data=dataset,
        evaluate=evaluate,
        figures=figures,
        alarms=ALARMS,
        claims=[dl.Claim("the non-saturating gradient lasts longer", OTHER, dl.OURS, "log_change")],
    )


if __name__ == "__main__":
    dl.launch(Config, build)
