"""Instance reweighting: where only P(x) has shifted, a mean over the source becomes one over the target.

    python -m experiments.representations.reweighting --replicas=5
    python -m experiments.representations.reweighting --bias=0.5 --workdir=runs/mild

The source is what is left of one half of the training images when each stays with a probability that falls along
the first principal component; the other half, without its labels, is the target, and so is the test. P(y|x) is the
same, and the ratio of the densities is known: 1 over that probability. Each replica draws halves and source anew.
Rivals are softmax regressions, which cannot be right everywhere: they weigh the source by a classifier of domains
(Bickel et al. 2007), KLIEP (Sugiyama et al. 2008), kernel mean matching (Huang et al. 2007), the true ratio, or not
at all; one more is trained on the labels of as many examples of the target. A batch is of all images, about a
quarter of them in the source. `weight_error` is the mean distance from the true weights, both of mean 1;
`effective` is the fraction of examples that the weights leave, (Σw)² / (n Σw²). Baselines: the same estimators
on two Gaussians, `weight_error` over five draws.
"""

import dataclasses
import functools
from typing import Any

import numpy as np

from deeplearn import train as dl
from deeplearn.baselines.covariate_shift import (
    biased_sample,
    gaussians,
    on_gaussians,
    principal_component,
    weighed_pool,
    weight_error,
)
from deeplearn.baselines.importance import ESTIMATORS
from deeplearn.data import Dataset
from deeplearn.figures.plots import bars, curves
from deeplearn.losses.classification import classification
from deeplearn.losses.reweighted import reweighted
from deeplearn.models.reweighted import Reweighted, with_weights

CLASSIFIER, TRUE, UNWEIGHTED = "a classifier of domains", "the true ratio", "unweighted"
LABELLED = "trained on the target's labels"
WEIGHTS = {**{name: name for name in ESTIMATORS}, TRUE: "true", UNWEIGHTED: "unweighted", LABELLED: "target"}
DRAWN = 2000  # examples of each Gaussian in the figure


@dataclasses.dataclass(frozen=True)
class Config(dl.OptimizerConfig):
    steps: int = 1500
    batch_size: int = dl.flag(256, "images in a batch, in the source or not", min=1)
    learning_rate: float = 1e-2
    bias: float = dl.flag(1.5, "how steeply the probability falls, in standard deviations of the component", min=0)
    gaussians: int = dl.flag(5000, "examples of each of the two Gaussians", min=50, max=5000)

    PAPER = {"dataset": "mnist", "steps": 10_000}
    TINY = {"gaussians": 50}


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    test, component = dataset.test.arrays(), principal_component(weighed_pool(dataset).arrays()["image"])
    systems = {facts["row"]: trained[name] for name, facts in trained.rivals.items()}
    weights = {row: system.variables["drawn"]["weight"] for row, system in systems.items()}
    stays = weights[TRUE] > 0
    rows = {}
    for row, system in systems.items():
        metrics, weight = system.mean(classification, test), weights[row][stays]
        if row != LABELLED:
            effective = float(weight.sum() ** 2 / (len(weight) * np.square(weight).sum()))
            metrics |= {"weight_error": weight_error(weight, weights[TRUE][stays]), "effective": effective}
        rows[row] = dl.Measured(metrics, {"component": component[stays], "weight": weight})
    return {dl.OURS: rows.pop(CLASSIFIER), **rows}


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    return on_gaussians(trained.config.gaussians)


def figures(report: dl.Report) -> dict[str, Any]:
    def weights() -> Any:
        """The mean weight in twenty parts of the source, along the component by which it is biased."""
        lines = {}
        for name, row in {CLASSIFIER: dl.OURS, **{name: name for name in list(ESTIMATORS)[1:]}, TRUE: TRUE}.items():
            component, weight = (report.rows[row].arrays[key] for key in ("component", "weight"))
            parts = np.array_split(np.argsort(component), 20)
            lines[name] = tuple(np.array([values[part].mean() for part in parts]) for values in (component, weight))
        return curves(lines, "first principal component, in standard deviations", "mean weight")

    def ratios() -> Any:
        source, target, true = gaussians(min(DRAWN, report.config.gaussians), seed=0)
        order = np.argsort(source[:, 0])
        found = {name: estimate(source, target) for name, estimate in ESTIMATORS.items()} | {TRUE: true}
        return curves({name: (source[order, 0], weight[order]) for name, weight in found.items()}, "x", "weight")

    return {
        "accuracy": lambda: bars(report.spread("accuracy", CLASSIFIER), "accuracy on the target's test"),
        "weights": weights,
        "gaussians": ratios,
    }


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset.need_classes("the source is a biased sample of labelled pictures")
    pool = weighed_pool(dataset)

    @functools.cache  # rivals of a replica share its draw
    def drawn(draw: int) -> dict[str, np.ndarray]:
        image = pool.arrays()["image"]
        return biased_sample(image, principal_component(image), config.bias, draw)

    def weights(name: str, draw: int) -> np.ndarray:
        return drawn(draw)[name]

    model, rivals = Reweighted(len(dataset.classes), len(pool)), {}
    for number, (row, name) in enumerate(WEIGHTS.items()):
        start = functools.partial(with_weights, functools.partial(weights, name))
        stage = dl.Stage([dl.Turn(reweighted)], config.chain(), config.steps, data=pool, start=start)
        rivals[f"weights_{number}"] = dl.Rival(model, [stage], facts={"row": row}, row=row)
    better = {CLASSIFIER: dl.OURS, **{name: name for name in (*list(ESTIMATORS)[1:], TRUE)}}
    claims = [dl.Claim(f"weights by {name} help", row, UNWEIGHTED, "accuracy") for name, row in better.items()]
    return dl.side_by_side(
        rivals, data=dataset, evaluate=evaluate, baselines=baselines, figures=figures, claims=claims
    )


if __name__ == "__main__":
    dl.launch(Config, build)
