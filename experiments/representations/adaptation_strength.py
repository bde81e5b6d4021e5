"""How strongly features should be aligned, when no label of the target says so: accuracy against λ.

    python -m experiments.representations.adaptation_strength --replicas=5
    python -m experiments.representations.adaptation_strength --method=mmd --workdir=runs/mmd
    python -m experiments.representations.adaptation_strength --source=domains/day --target=domains/night

The systems of `representations.adaptation`, one method at several λ, and without it (λ = 0: each domain is still
normalised by its own statistics). The run's own row is the λ of the least bound: the source's error + ½ A-distance
(after the bound of Ben-David et al. 2010, theorem 2; a proxy, it bounds nothing), both on validation. Beside it is
that of the least importance-weighted error (Sugiyama et al. 2007), and that of an oracle, which has the labels of
the target's validation split; `strength` is the λ chosen, `cost` the test accuracy that the oracle's choice has
above it: what honesty costs.
"""

import dataclasses
from functools import partial
from typing import Any

from deeplearn import train as dl
from deeplearn.baselines.domains import choices, measured
from deeplearn.data import Dataset
from deeplearn.data.domains import apart
from deeplearn.errors import UserError
from deeplearn.figures.plots import bars, curves
from deeplearn.losses.adaptation import aligned, reversed_gradient
from deeplearn.losses.alignment import coral, coral_with_means, multi_kernel_mmd
from deeplearn.metrics.statistics import mean_and_standard_error
from deeplearn.models.adaptation import DomainAdaptation, with_statistics
from deeplearn.train.domains import DomainConfig

NONE = "λ = 0"
LOSSES: dict[str, Any] = {
    "dann": reversed_gradient,
    "mmd": partial(aligned, distance=multi_kernel_mmd),
    "coral": partial(aligned, distance=coral),
    "coral_with_means": partial(aligned, distance=coral_with_means),
}


@dataclasses.dataclass(frozen=True)
class Config(DomainConfig):
    steps: int = 400
    batch_size: int = dl.flag(64, "examples of each domain in a batch", min=1)
    method: str = dl.flag("dann", "how features are aligned", choices=tuple(LOSSES))
    strengths: tuple[float, ...] = dl.flag((0.1, 0.3, 1.0, 3.0, 10.0), "λ, each a system of its own", min=0)
    width: int = dl.flag(16, "channels of the first convolution", min=1)
    hidden: int = dl.flag(64, "features, and hidden units of the classifier of domains", min=1)
    dropout: float = dl.flag(0.5, "of the features that the classifier of labels sees", min=0, max=0.9)

    PAPER = {"dataset": "domains:svhn_cropped,mnist", "steps": 20_000, "width": 32, "learning_rate": 0.01}
    TINY = {"width": 2, "hidden": 4, "strengths": (1.0,)}


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    domains = apart(dataset)
    rows = {
        facts["row"]: measured(partial(trained[name], with_statistics), domains, of="target")
        for name, facts in trained.rivals.items()
    }
    strengths = {facts["row"]: facts["strength"] for facts in trained.rivals.values()}
    chosen = {
        rule: dl.Measured({**one.metrics, "strength": strengths[one.arrays["chosen"]]})
        for rule, one in choices(rows).items()
    }
    return {dl.OURS: chosen.pop("chosen by the bound"), **chosen, **rows}


def figures(report: dl.Report) -> dict[str, Any]:
    def against(metric: str, ylabel: str) -> Any:
        strengths = sorted(report.config.strengths)
        points = [mean_and_standard_error(report.each(row_of(value), metric)) for value in strengths]
        mean, error = zip(*((mean, stderr or 0.0) for mean, stderr in points), strict=True)
        alone, spread = mean_and_standard_error(report.each(NONE, metric))
        level = [[one] * len(strengths) for one in (alone, spread or 0.0)]
        lines = {report.config.method: (strengths, mean, error), "not aligned": (strengths, *level)}
        return curves(lines, "strength λ", ylabel, log_x=True)

    return {
        "accuracy": lambda: against("accuracy", "accuracy on the target's test"),
        "a_distance": lambda: against("a_distance", "A-distance of the features"),
        "bound": lambda: against("bound", "source's error + ½ A-distance"),
        "choices": lambda: bars(report.spread("cost", "chosen by the bound"), "test accuracy below the oracle's"),
    }


def row_of(strength: float) -> str:
    return f"λ = {strength:g}"


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    domains = apart(dataset)
    domains.need_variety(config.batch_size)
    strengths = [0.0, *sorted(config.strengths)]
    if len({row_of(one) for one in strengths}) < len(strengths) or len(strengths) < 2:
        raise UserError("--strengths should name different λ above 0: without alignment is a row of its own")
    model = DomainAdaptation(len(dataset.classes), config.width, config.hidden, config.dropout)
    data = domains.train
    rivals = {}
    for number, strength in enumerate(strengths):
        turn = dl.Turn(partial(LOSSES[config.method], strength=strength, steps=config.steps))
        stage = dl.Stage([turn], config.chain(), config.steps, data=data)
        rivals[f"strength_{number}"] = dl.Rival(
            model, [stage], facts={"row": row_of(strength), "strength": strength}, row=row_of(strength)
        )
    claims = [
        dl.Claim("the bound's choice gains on no alignment", dl.OURS, NONE, "accuracy"),
        dl.Claim("the oracle's choice is better than the bound's", "chosen by an oracle", dl.OURS, "accuracy"),
    ]
    return dl.side_by_side(rivals, data=dataset, evaluate=evaluate, figures=figures, claims=claims)


if __name__ == "__main__":
    dl.launch(Config, build)
