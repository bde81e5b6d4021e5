"""Does descent converge in the smallest game? Orbits of the Dirac-GAN beside the eigenvalues of a step.

    python -m experiments.adversarial.convergence

Mescheder et al. 2018, "Which training methods for GANs do actually converge?". The data are one point at 0, the
generator is one number θ, the discriminator's logit is ψ x; `--dataset` is not looked at. Two games (non-saturating
and Wasserstein), with R1 and without, each by simultaneous and by alternating gradient descent, from a point near
the equilibrium and from one far from it. Measured: by which factor a step changes the distance to the equilibrium
(`modulus`, of the orbit near it), what the eigenvalues of the step are (`eigenvalue`, in closed form), the distance
after the last step from far away. Baseline: the gradient flow over the same time, that is, infinitely small steps.
"""

import dataclasses
import itertools
from functools import partial
from typing import Any

import numpy as np
import optax
import scipy.linalg

from deeplearn import train as dl
from deeplearn.adversarial.dirac import (
    DiracGAN,
    both,
    discriminate,
    generate,
    measured_matrix,
    modulus,
    orbits,
    step_matrix,
)
from deeplearn.data import Dataset
from deeplearn.figures.plots import curves

STARTS = ((1e-3, 1e-3), (1.0, 1.0))  # near the equilibrium, where a step is linear, and far from it
GAMES = ("non_saturating", "wasserstein")
FRAME = 3.0  # orbits are drawn up to this distance


def title(game: str, r1: float | None = None, order: str = "") -> str:
    penalty = "" if r1 is None else " with R1" if r1 else " alone"
    return f"{game.replace('_', '-')}{penalty}{', ' if order else ''}{order}"


FIRST = title(GAMES[0], 1.0, "alternating")  # the row of the experiment itself


@dataclasses.dataclass(frozen=True)
class Config(dl.Config):
    dataset: str = "mixture/ring"
    batch_size: int = 8
    steps: int = 400
    learning_rate: float = dl.flag(0.2, "h of gradient descent, for both players", min=1e-6, max=1)
    r1: float = dl.flag(0.5, "γ of the penalty γ/2 ψ², where there is one", min=1e-6)

    # Of the paper's analysis: steps so small that descent follows the gradient flow.
    PAPER = {"learning_rate": 0.01, "steps": 8000}


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    facts, config = trained.facts, trained.config
    near, far = orbits(trained, config.steps).swapaxes(0, 1)
    predicted = step_matrix(facts["game"], config.learning_rate, facts["r1"], facts["alternating"])
    measured = {"modulus": modulus(measured_matrix(near)), "eigenvalue": modulus(predicted)}
    return dl.ours({**measured, "distance": float(np.linalg.norm(far[-1]))}, orbit=far)


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    def flow(game: str, r1: float) -> dl.Measured:
        field = step_matrix(game, 1.0, r1, alternating=False) - np.eye(2)
        return dl.Measured({"modulus": modulus(scipy.linalg.expm(trained.config.learning_rate * field))})

    systems = {(facts["game"], facts["r1"]) for facts in trained.rivals.values()}
    return {f"gradient flow, {title(*system)}": partial(flow, *system) for system in sorted(systems)}


def inside(orbit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """θ and ψ until the orbit leaves the frame."""
    kept = np.logical_and.accumulate(np.linalg.norm(orbit, axis=-1) < FRAME)
    return orbit[kept, 0], orbit[kept, 1]


def figures(report: dl.Report) -> dict[str, Any]:
    orbit = {row: found.arrays["orbit"] for row, found in report.beside(FIRST).items()}

    def plane(game: str) -> Any:
        series = {row: inside(points) for row, points in orbit.items() if row.startswith(title(game))}
        return curves(
            series, "θ of the generator", "ψ of the discriminator", "From (1, 1); the equilibrium is (0, 0)"
        )

    def distances() -> Any:
        series = {row: (np.arange(len(points)), np.linalg.norm(points, axis=-1)) for row, points in orbit.items()}
        return curves(series, "step", "distance to the equilibrium", log_y=True)

    return {**{f"orbits_{game}": partial(plane, game) for game in GAMES}, "distance": distances}


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    together = [dl.Turn(partial(both, steps=config.steps))]
    by_turns = [
        dl.Turn(partial(discriminate, steps=config.steps), trains=("discriminator",)),
        dl.Turn(generate, trains=("generator",)),
    ]
    rivals = {}
    for game, r1, (order, turns) in itertools.product(
        GAMES, (config.r1, 0.0), (("alternating", by_turns), ("simultaneous", together))
    ):
        stage = dl.Stage(turns, optax.sgd(config.learning_rate), config.steps)
        facts = {"game": game, "r1": r1, "alternating": turns is by_turns}
        rival = dl.Rival(DiracGAN(STARTS, game, r1), [stage], evaluate, facts=facts, row=title(game, r1, order))
        rivals[f"{game}{'_r1' if r1 else ''}_{order}"] = rival
    return dl.side_by_side(rivals, data=dataset, baselines=baselines, figures=figures)


if __name__ == "__main__":
    dl.launch(Config, build)
