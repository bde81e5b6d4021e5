"""Mode collapse: eight methods side by side on mixtures whose modes can be counted.

    python -m experiments.adversarial.challenges --replicas=5
    python -m experiments.adversarial.challenges --replicas=5 --dataset=mixture/ring --workdir=runs/ring

The same networks and steps by: the GAN; unrolled, its generator learning against the discriminator five steps on
(Metz et al. 2017); packed, two or three examples judged together (Lin et al. 2018); WGAN-GP (Gulrajani et al. 2017,
five turns of the critic); R1 (Mescheder et al. 2018); annealed, with all that `adversarial.gan` adds to the GAN by
default; and diffusion (Ho et al. 2020) as what can be reached. To be read together: modes, the fraction of samples
within three standard deviations of one (`high_quality`), the reverse KL over modes. Baselines as of
`adversarial.gan`. The other challenges have pages of their own: `adversarial.stacked_modes` (1000 modes of images),
`convergence`, `vanishing_generator`, `sensitivity`.
"""

import dataclasses
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np

from deeplearn import train as dl
from deeplearn.adversarial.points import REMEDIES, PointConfig, coverage, declared, made, over_the_data
from deeplearn.adversarial.unrolled import generate_unrolled
from deeplearn.adversarial.watch import ALARMS
from deeplearn.baselines.point_densities import SAMPLES
from deeplearn.data import Dataset
from deeplearn.figures.plots import bars
from deeplearn.losses.diffusion import diffusion_loss
from deeplearn.models.denoiser import DenoisingMLP
from deeplearn.models.diffusion import Diffusion, diffusion_samples
from deeplearn.optim.schedules import warm_adam
from deeplearn.train.config import named

FIRST, UNROLLED, ANNEALED, DIFFUSION = "gan", "unrolled", "annealed", "diffusion"
# What each changes in the flags.
GAMES: dict[str, dict[str, Any]] = {
    FIRST: {},
    UNROLLED: {},
    "packed_2": {"packing": 2},
    "packed_3": {"packing": 3},
    "wgan_gp": {"game": "wasserstein", "gradient_penalty": 0.1, "discriminator_turns": 5, "beta2": 0.9},
    "r1": {"r1": 1e-3},
    ANNEALED: REMEDIES,
}


@dataclasses.dataclass(frozen=True)
class Config(PointConfig):
    methods: tuple[str, ...] = dl.flag(
        (*GAMES, DIFFUSION), f"compared: {FIRST} and any others", choices=(*GAMES, DIFFUSION)
    )
    steps: int = dl.flag(4000, "of each game", min=1)
    hidden: tuple[int, ...] = (64, 64)
    unrolled: int = dl.flag(5, "discriminator steps that the unrolled generator looks ahead", min=0)
    unrolled_rate: float = dl.flag(0.1, "rate of these steps, of plain gradient descent", min=0)
    diffusion_steps: int = dl.flag(4000, "of diffusion, with four times the batch", min=1)

    # Metz et al. 2017, appendix A, whose networks are these and whose budget is this.
    PAPER = {"hidden": (128, 128), "latents": 256, "batch_size": 512, "steps": 25_000}
    TINY = {"hidden": (8,), "diffusion_steps": 4}


def denoise(model: Diffusion, batch: dl.Batch) -> dl.Losses:
    return diffusion_loss(model, batch["point"], jnp.zeros(len(batch["point"]), jnp.int32)), {}


def play(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    return coverage(made(trained), dataset)


def draw(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    return coverage(
        diffusion_samples(trained, (np.zeros(SAMPLES, np.int32),), (2,), sampler="heun", steps=40), dataset
    )


def figures(report: dl.Report) -> dict[str, Any]:
    rows = report.beside(FIRST)
    return {
        "modes": lambda: bars(report.spread("modes", FIRST), "modes"),
        "high_quality": lambda: bars(report.spread("high_quality", FIRST), "fraction of samples of high quality"),
        **{
            f"samples_{name}": partial(over_the_data, row.arrays["points"], report.dataset)
            for name, row in rows.items()
        },
    }


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    rivals = {}
    for name in named("methods", config.methods, (*GAMES, DIFFUSION), FIRST):
        if name == DIFFUSION:
            continue
        packing = GAMES[name].get("packing", config.packing)
        whole = packing * -(-config.batch_size // packing)  # so many examples are whole packs
        own = dataclasses.replace(config, **{"batch_size": whole, **GAMES[name]})
        ahead = {"generate": partial(generate_unrolled, steps=config.unrolled, rate=config.unrolled_rate)}
        stage = own.point_stage(**(ahead if name == UNROLLED else {}))
        if (own.batch_size, own.ema) != (config.batch_size, config.ema):
            stage = dataclasses.replace(stage, name=name, batch_size=own.batch_size)  # a stage has one of each
        rivals[name] = dl.Rival(own.system(dataset), [stage], play)
    if DIFFUSION in config.methods:
        mean, std = dataset.moments("point")
        chain = warm_adam(3e-3, config.diffusion_steps, config.diffusion_steps // 20)
        size = min(4 * config.batch_size, len(dataset.train))
        fixed: dict[str, Any] = {"name": DIFFUSION, "batch_size": size, "ema": 0.999}
        model = Diffusion(DenoisingMLP(160), mean=mean, std=std, prediction="v", schedule="lognormal")
        stage = dl.Stage([dl.Turn(denoise)], chain, config.diffusion_steps, **fixed)
        rivals[DIFFUSION] = dl.Rival(model, [stage], draw)
    shared = declared(made, dataset)
    return dl.side_by_side(
        rivals,
        data=dataset,
        baselines=shared["baselines"],
        published=shared["published"],
        figures=figures,
        alarms=ALARMS,
        claims=[
            dl.Claim(f"{name} reaches more modes than the GAN", name, dl.OURS, "modes")
            for name in rivals
            if name not in (FIRST, DIFFUSION)
        ],
    )


if __name__ == "__main__":
    dl.launch(Config, build)
