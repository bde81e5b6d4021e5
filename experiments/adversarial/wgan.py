"""WGAN: a critic whose weights are clipped estimates the earth mover's distance to images of letters.

    python -m experiments.adversarial.wgan
    python -m experiments.adversarial.wgan --paper --workdir=runs/paper

Arjovsky, Chintala & Bottou 2017. The critic takes five turns to the generator's one; after each all its weights are
cut to [−c, c], so that its slope is bounded and the gap E f(x) − E f(G(z)) is, up to a factor, the distance, which
falls as samples get better (figure `gap`, each as a fraction of its largest value). What does clipping cost? Beside
it the same networks, rates and steps with the gradient penalty of Gulrajani et al. 2017 in its place. Measured as
in `adversarial.wgan_gp`. Baselines: real images, a Gaussian, a Gaussian mixture and a VAE. Neither critic has batch
norm. Not in the paper: dense networks, larger rates, and an average of the generator's weights that draws.
"""

import dataclasses
from functools import partial
from typing import Any

import numpy as np

from deeplearn import train as dl
from deeplearn.adversarial import turns
from deeplearn.adversarial.images import declared, evaluation
from deeplearn.adversarial.networks import ImageConfig
from deeplearn.adversarial.players import ImageGAN
from deeplearn.adversarial.watch import ALARMS
from deeplearn.data import Dataset
from deeplearn.errors import UserError
from deeplearn.figures.grid import image_grid
from deeplearn.figures.plots import curves
from deeplearn.judge import need_judge
from deeplearn.metrics.history import record, recorded
from deeplearn.models.mixture_prior import GaussianPrior

PENALISED = "gradient penalty in place of clipping"


@dataclasses.dataclass(frozen=True)
class Config(ImageConfig):
    steps: int = dl.flag(6000, "generator steps", min=1)
    latents: int = dl.flag(32, "dimensions of the noise", min=1)
    penalty: float = dl.flag(1.0, "weight of the rival's gradient penalty", min=0)
    game: str = "wasserstein"
    clip: float = 0.03
    discriminator_turns: int = 5
    optimizer: str = "rmsprop"
    learning_rate: float = 1e-3
    beta2: float = 0.99
    schedule: str = "cosine"
    ema: float = 0.995

    # Algorithm 1, at the size of its figures 5 to 7; the rival's weight is that of Gulrajani et al.
    PAPER = {
        "dataset": "stl10@64",
        "network": "convolutional",
        "width": 64,
        "latents": 100,
        "penalty": 10.0,
        "clip": 0.01,
        "learning_rate": 5e-5,
        "schedule": "constant",
        "ema": 0.0,
        "steps": 200_000,
    }
    TINY = {"dataset": "digits", "width": 8, "latents": 4}


def discriminate(gan: ImageGAN, batch: dl.Batch, steps: int, **options: Any) -> dl.Losses:
    """The critic's loss; the gap is recorded for the figure."""
    loss, metrics = turns.discriminate(gan, batch, **options)
    gap = metrics["gap"]
    assert not isinstance(gap, dl.Mean)
    record(gan, "gap", gap, batch["step"], steps)
    return loss, metrics


def figures(report: dl.Report, clipped: Any) -> dict[str, Any]:
    def gap() -> Any:
        """On one axis: clipping and penalty bound slopes by different numbers."""
        lines = {}
        for name, title in (("clipped", "clipping"), ("penalised", "gradient penalty")):
            steps, values = recorded(report.trained[name].variables, "gap", report.config.steps)
            lines[title] = (steps, values[:, 0] / np.abs(values).max())
        return curves(lines, "steps", "gap / its largest value", "The critic's gap")

    samples = partial(image_grid, report.rows[PENALISED].arrays["image"], columns=10)
    return {**clipped(report), "samples_penalised": samples, "gap": gap}


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    need_judge(dataset)
    if not config.clip or config.gradient_penalty:
        raise UserError(
            "--clip is compared with a penalty here: give it above 0, and the rival's by --penalty, not otherwise"
        )

    def rival(row: str = "", **changes: Any) -> dl.Rival:
        own = dataclasses.replace(config, **changes)
        generator, critic = own.networks(dataset, hidden=())
        gan = ImageGAN(GaussianPrior(config.latents), generator, own.discriminator(critic))
        stage = own.stage(discriminate=partial(discriminate, steps=config.steps))
        return dl.Rival(gan, [stage], evaluation(ImageGAN.sample), row=row)

    fields = declared(ImageGAN.sample, ImageGAN.walk, rival="clipped")
    cost = dl.Claim("clipping costs quality", PENALISED, dl.OURS, "-frechet_distance")
    return dl.side_by_side(
        {"clipped": rival(), "penalised": rival(PENALISED, clip=0.0, gradient_penalty=config.penalty)},
        data=dataset,
        alarms=ALARMS,
        **fields | {"claims": [*fields["claims"], cost], "figures": partial(figures, clipped=fields["figures"])},
    )


if __name__ == "__main__":
    dl.launch(Config, build)
