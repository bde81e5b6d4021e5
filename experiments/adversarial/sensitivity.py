"""How often does a game succeed? Learning rate, β₁, critic turns and seed, swept for five methods.

    python -m experiments.adversarial.sensitivity

Every cell of the sweep is a game of its own on the grid of 25 modes, and takes its rate and β₁ from `--rates`
and `--betas`; those of one method and number of critic turns are one population that trains in one compiled
step. A cell counts where its samples reach at least 24 modes (in proportion, of other mixtures). Measured: the
fraction of cells that do (`share`), that do with half of their samples of high quality (`clean_share`, since
samples sprayed over the plane hit modes too), the best and the median cell. Heat maps show the fraction over
seeds. `annealed` plays with all that `adversarial.gan` adds by default. Baselines as of that page, each one cell.
"""

import dataclasses
import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from deeplearn import train as dl
from deeplearn.adversarial.discriminator import COLLECTIONS
from deeplearn.adversarial.players import PointGAN
from deeplearn.adversarial.points import REMEDIES, PointConfig
from deeplearn.baselines.point_densities import SAMPLES, point_densities
from deeplearn.data import Dataset
from deeplearn.figures.plots import heat_map
from deeplearn.metrics.mixture import mode_coverage
from deeplearn.optim.members import per_member

ENOUGH, CLEAN = 24 / 25, 0.5  # of the modes; of the samples
FIRST = "gan"
# What each changes in the flags.
METHODS: dict[str, dict[str, Any]] = {
    FIRST: {},
    "packed_2": {"packing": 2},
    "r1": {"r1": 1e-3},
    "wgan_gp": {"game": "wasserstein", "gradient_penalty": 0.1},
    "annealed": REMEDIES,
}


@dataclasses.dataclass(frozen=True)
class Config(PointConfig):
    batch_size: int = 128
    steps: int = 8000
    hidden: tuple[int, ...] = (64, 64)
    rates: tuple[float, ...] = dl.flag((3e-4, 1e-3, 3e-3), "learning rates of both players", min=0)
    betas: tuple[float, ...] = dl.flag((0.0, 0.5), "adam's decays of the first moment", min=0, max=0.999)
    turns: tuple[int, ...] = dl.flag((1, 3), "the discriminator's turns to one of the generator", min=1)
    seeds: int = dl.flag(2, "games in each cell, from different initial weights", min=1)

    # No paper's: larger networks, longer games and ten seeds.
    PAPER = {"hidden": (128, 128), "steps": 10_000, "seeds": 10}
    TINY = {"hidden": (4,), "rates": (1e-3,), "betas": (0.0, 0.5), "turns": (1,)}


class Games(nn.Module):
    """`size` games of one kind, each with its own weights and noise; parameters have a leading axis of games."""

    make: Callable[[], PointGAN]
    size: int

    def setup(self) -> None:
        self.game = self.make()

    def each(self, method: Callable[..., Any], *arrays: Any) -> Any:
        """`method(game, *arrays)` of every game, stacked."""
        call = nn.vmap(
            method,
            in_axes=None,
            axis_size=self.size,
            variable_axes=dict.fromkeys(("params", *COLLECTIONS), 0),
            split_rngs={"params": True},
        )
        return call(self.game, *arrays)


def play(model: Games, batch: dl.Batch, turn: Callable[..., dl.Losses]) -> dl.Losses:
    """The sum of the games' losses, whose gradient is each one's own."""
    losses, metrics = model.each(turn, batch)
    return losses.sum(), jax.tree.map(jnp.mean, metrics)


def samples(model: Games) -> jax.Array:
    """[games, 2500, 2]"""
    made: jax.Array = model.each(partial(PointGAN.sample, count=SAMPLES))
    return made


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    about, config = dataset.about, trained.config
    tables: dict[tuple[str, str], list[np.ndarray]] = {}
    for name, facts in trained.rivals.items():
        found = [
            mode_coverage(points, about["means"], about["sigma"]) for points in np.asarray(trained[name](samples))
        ]
        shape = len(config.betas), len(config.rates), config.seeds
        for metric in ("modes", "high_quality"):
            cells = np.reshape([one[metric] for one in found], shape)
            tables.setdefault((facts["method"], metric), []).append(cells)
    rows = {}
    for method in METHODS:
        modes, quality = (np.stack(tables[method, metric]) for metric in ("modes", "high_quality"))
        enough = modes >= ENOUGH * len(about["means"])
        metrics = {
            "share": enough.mean(),
            "clean_share": (enough & (quality >= CLEAN)).mean(),
            "median_modes": np.median(modes),
            "best_modes": modes.max(),
            "best_quality": np.where(enough, quality, 0).max(),
        }
        row = dl.OURS if method == FIRST else method
        rows[row] = dl.Measured({name: float(value) for name, value in metrics.items()}, {"share": enough.mean(-1)})
    return rows


def figures(report: dl.Report) -> dict[str, Any]:
    config = report.config
    labels = [f"{turns} turn{'s' * (turns > 1)}, β₁ {beta:g}" for turns in config.turns for beta in config.betas]
    rates = [f"{rate:g}" for rate in config.rates]

    def map_of(method: str, share: Any) -> Any:
        title = f"{method}: fraction of games that reach {ENOUGH:.0%} of the modes"
        return heat_map(share.reshape(len(labels), -1), labels, rates, "learning rate", "", title)

    return {method: partial(map_of, method, row.arrays["share"]) for method, row in report.beside(FIRST).items()}


def stage_of(config: Config, rate: np.ndarray, beta: np.ndarray) -> dl.Stage:
    """The game's stage for all games at once, each with its own rate and β₁ [games]."""

    def chain(network: str) -> optax.GradientTransformation:
        def make(rate: Any, beta: Any) -> optax.GradientTransformation:
            optimizers: Any = dataclasses.replace(config, learning_rate=rate, beta1=beta).point_stage().optimizers
            one: optax.GradientTransformation = optimizers[network]
            return one

        return per_member(make, rate, beta)

    def every(turn: dl.Turn) -> dl.Turn:
        networks = tuple(f"game/{name}" for name in turn.trains)
        return dataclasses.replace(turn, loss=partial(play, turn=turn.loss), trains=networks, called=turn.name)

    stage = config.point_stage()
    optimizers: Any = stage.optimizers
    return dataclasses.replace(
        stage,
        turns=[every(turn) for turn in stage.turns],
        optimizers={f"game/{network}": chain(network) for network in optimizers},
    )


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    cells = list(itertools.product(config.betas, config.rates, range(config.seeds)))
    beta, rate, _ = (np.array(column) for column in zip(*cells, strict=True))
    rivals = {}
    for (method, changes), turns in itertools.product(METHODS.items(), config.turns):
        own = dataclasses.replace(config, discriminator_turns=turns, **changes)
        games = Games(partial(own.system, dataset), len(cells))
        facts = {"method": method, "turns": turns}
        stage = stage_of(own, rate, beta)
        if own.ema != config.ema:
            stage = dataclasses.replace(stage, name=method)  # a stage has one average
        rivals[f"{method}_{turns}"] = dl.Rival(games, [stage], facts=facts)
    return dl.side_by_side(
        rivals,
        data=dataset,
        evaluate=evaluate,
        baselines=lambda trained, dataset: point_densities(dataset),
        figures=figures,
    )


if __name__ == "__main__":
    dl.launch(Config, build)
