"""Instance reweighting: where only P(x) has shifted, a mean over the source becomes one over the target.

    python -m experiments.representations.reweighting --replicas=5
    python -m experiments.representations.reweighting --bias=0.5 --workdir=runs/mild

The source is what is left of one half of the training images when each stays with a probability that falls along
the first principal component; the other half, without its labels, is the target, and so is the test. P(y|x) is the
same, and the ratio of the densities is known: 1 over that probability. Rivals are softmax regressions, which cannot
be right everywhere: they weigh the source by a classifier of domains (Bickel et al. 2007), KLIEP (Sugiyama et al.
2008), kernel mean matching (Huang et al. 2007), the true ratio, or not at all; the ceiling is trained on the labels
of as many examples of the target. `weight_error` is the mean distance from the true weights, both of mean 1;
`effective` is the fraction of examples that the weights leave, (Σw)² / (n Σw²). Baselines: the same estimators on
two Gaussians, `weight_error` over five draws. The source is drawn by --seed, and replicas share it.
"""

import dataclasses
from functools import partial
from typing import Any

import numpy as np
import optax

from deeplearn import train as dl
from deeplearn.baselines.covariate_shift import biased_source, gaussians, on_gaussians, weight_error
from deeplearn.baselines.importance import ESTIMATORS
from deeplearn.data import Dataset
from deeplearn.figures.plots import bars, curves
from deeplearn.losses.classification import classification
from deeplearn.models.mlp import MLP

CLASSIFIER, TRUE, UNWEIGHTED, CEILING = "a classifier of domains", "the true ratio", "unweighted", "on the target"
DRAWN = 2000  # examples of each Gaussian in the figure


@dataclasses.dataclass(frozen=True)
class Config(dl.OptimizerConfig):
    steps: int = 1500
    batch_size: int = 64
    learning_rate: float = 1e-2
    bias: float = dl.flag(1.5, "how steeply the probability falls, in standard deviations of the component", min=0)
    gaussians: int = dl.flag(5000, "examples of each of the two Gaussians", min=50)

    PAPER = {"dataset": "mnist", "steps": 10_000}
    TINY = {"gaussians": 50}


def weighted(model: MLP, batch: dl.Batch, of: str, weight: str) -> dl.Losses:
    """Σ w · −log p(label) / Σ w of "source" or "target"; `weight` is one of its columns, "" for none."""
    side = batch[of]
    logits = model(side["image"])
    loss = optax.softmax_cross_entropy_with_integer_labels(logits, side["label"])
    right = logits.argmax(-1) == side["label"]
    return dl.Mean.of(loss, side[weight] if weight else 1.0), {"accuracy": right.mean()}


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    metrics = trained.mean(classification, dataset.test.arrays())
    if not (name := trained.facts["weight"]):
        return dl.ours(metrics)
    source = biased_source(dataset, trained.config.bias, trained.config.seed).sources["source"].arrays()
    weight = source[name]
    effective = float(weight.sum() ** 2 / (len(weight) * np.square(weight).sum()))
    metrics |= {"weight_error": weight_error(weight, source["true"]), "effective": effective}
    return dl.ours(metrics, component=source["component"], weight=weight)


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
    data = biased_source(dataset, config.bias, config.seed)
    named = {**{name: name for name in ESTIMATORS}, TRUE: "true", UNWEIGHTED: "unweighted", CEILING: ""}
    rivals = {}
    for number, (row, weight) in enumerate(named.items()):
        loss = partial(weighted, of="source" if weight else "target", weight=weight)
        stage = dl.Stage([dl.Turn(loss)], config.chain(), config.steps, data=data)
        model = MLP((), len(dataset.classes))
        rivals[f"weights_{number}"] = dl.Rival(model, [stage], evaluate, facts={"weight": weight}, row=row)
    better = {CLASSIFIER: dl.OURS, **{name: name for name in (*list(ESTIMATORS)[1:], TRUE)}}
    claims = [dl.Claim(f"weights by {name} help", row, UNWEIGHTED, "accuracy") for name, row in better.items()]
    return dl.side_by_side(rivals, data=dataset, baselines=baselines, figures=figures, claims=claims)


if __name__ == "__main__":
    dl.launch(Config, build)
