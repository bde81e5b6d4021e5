r"""Anomaly detection by the reconstruction error of an autoencoder trained on normal data, against four detectors.

    python -m experiments.autoencoders.anomaly --replicas=5
    python -m experiments.autoencoders.anomaly --dataset=tables/breast_cancer --normal=benign \
        --hidden=64,32 --code=1 --noise=1 --steps=300 --replicas=5
    python -m experiments.autoencoders.anomaly --dataset=folder:PATH --normal=good
    python -m deeplearn.weights.anomalies --run=runs/autoencoders.anomaly --images=PATH

The score of an example is the squared error of its reconstruction. Each class in turn is left out of training and
is the anomaly of the test split; the networks for all classes are one population that trains in one compiled step.
With `--normal` there is one network, for which the named classes are normal and all others anomalies. So it is
where the training split lacks some classes, as in MVTec's folders: these are the anomalies. With one class or none,
everything is normal: then only the fraction of false alarms can be measured, at a threshold that 5 % of the
validation images exceed. The last command ranks your own images with a run's network.

Noise on the input and a narrow code keep the network from copying anomalies. Features of a table are standardised
on normal training rows. Baselines, with settings chosen on validation, as the sizes here were: PCA's reconstruction
error, isolation forest, one-class SVM, distance to the nearest training row.
"""

import dataclasses
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np

from deeplearn import train as dl
from deeplearn.baselines.detectors import detectors
from deeplearn.data import Dataset
from deeplearn.errors import UserError
from deeplearn.figures.grid import image_grid
from deeplearn.figures.plots import curves, heat_map
from deeplearn.metrics.detection import auroc, detection, mean_roc
from deeplearn.models.detectors import Detectors
from deeplearn.nn.corruption import gaussian
from deeplearn.nn.functional import flat

TRAIN_LIMIT = 5000  # training examples to which the baselines are fitted: a kernel's cost grows with their square
PROBLEMS = 100  # classes of which each may be left out in turn
SHOWN = 10  # examples in a row of a figure, and problems


@dataclasses.dataclass(frozen=True)
class Config(dl.OptimizerConfig):
    steps: int = 2000
    hidden: tuple[int, ...] = dl.flag((256, 128), "widths before the code; after it, reversed", min=1)
    code: int = dl.flag(6, "numbers in the code", min=1)
    noise: float = dl.flag(0.2, "standard deviation of the noise on what the encoder sees", min=0)
    normal: tuple[str, ...] = dl.flag((), "classes that are normal (empty: each is left out in turn)")

    PAPER = {"dataset": "mnist", "hidden": (512, 256), "code": 16, "steps": 20_000}
    TINY = {"hidden": (8,), "code": 2, "normal": ("0", "1")}


def examples(columns: dl.Batch) -> Any:
    return columns["image"] if "image" in columns else columns["features"]


def labels(columns: dl.Batch) -> Any:
    """[B], 0 for everything where nothing is labelled."""
    return columns["label"] if "label" in columns else np.zeros(len(examples(columns)), np.int32)


def reconstruction(model: Detectors, batch: dl.Batch, noise: float) -> dl.Losses:
    """The sum over problems of the squared error on normal examples, so each network has the gradient of its own
    loss."""
    x, normal = model.prepare(examples(batch)), model.is_normal(labels(batch))
    seen = gaussian(model.make_rng("noise"), x, noise)
    errors = jnp.square(model.reconstruct(seen) - x).mean(-1)
    return (errors * normal).mean(1).sum(), {"mse": dl.Mean.of(errors, normal)}


def validate(model: Detectors, batch: dl.Batch) -> dl.Metrics:
    return reconstruction(model, batch, noise=0.0)[1]


def anomalous(trained: dl.Trained, dataset: Dataset) -> dict[str, np.ndarray]:
    """{"validation", "test": [problems, N]}, whether each example is an anomaly."""
    splits = {"validation": dataset.validation.arrays(), "test": dataset.test.arrays()}
    return {name: ~np.asarray(trained.model.is_normal(labels(columns))) for name, columns in splits.items()}


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    splits = {"validation": dataset.validation.arrays(), "test": dataset.test.arrays()}
    scores = {name: trained.over(Detectors.anomaly_scores, examples(x)).T for name, x in splits.items()}
    return dl.ours(
        detection(scores, anomalous(trained, dataset)) | trained.mean(validate, splits["test"]), **scores
    )


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    train = dataset.train.arrays(TRAIN_LIMIT)
    splits = {"train": train, "validation": dataset.validation.arrays(), "test": dataset.test.arrays()}
    x = {name: trained.over(Detectors.prepare, examples(columns)) for name, columns in splits.items()}
    normal = np.asarray(trained.model.is_normal(labels(train)))
    return detectors([x["train"][rows] for rows in normal], x, anomalous(trained, dataset))


def reconstructions(trained: dl.Trained, images: np.ndarray, chosen: np.ndarray, problems: Sequence[str]) -> Any:
    """Two rows for each of the first ten problems: images and their reconstructions."""
    rows, names = [], []
    for number, (problem, indices) in enumerate(zip(problems[:SHOWN], chosen, strict=False)):
        output = trained(Detectors.reconstruct, flat(images[indices]))[number]
        rows += [images[indices], np.asarray(output).reshape(-1, *images.shape[1:])]
        names += [f"{problem} left out", "reconstructed"]
    return image_grid(np.stack(rows), row_labels=names)


def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
    images, (_, problems) = dataset.test.arrays(SHOWN)["image"], what_is_normal(trained.config, dataset)
    return reconstructions(trained, images, np.tile(np.arange(len(images)), (len(problems), 1)), problems)


def figures(report: dl.Report) -> dict[str, Any]:
    wrong, (_, problems) = (
        anomalous(report.trained, report.dataset)["test"],
        what_is_normal(report.config, report.dataset),
    )
    methods = {"autoencoder" if name == dl.OURS else name: row.arrays["test"] for name, row in report.rows.items()}

    def roc() -> Any:
        lines = {name: mean_roc(scores, wrong) for name, scores in methods.items()}
        return curves(lines, "fraction of normal examples above the threshold", "fraction of anomalies above it")

    def areas() -> Any:
        each = [[auroc(s[None], w[None]) for s, w in zip(x, wrong, strict=True)] for x in methods.values()]
        title = "AUROC by what is the anomaly"
        return heat_map(np.array(each), list(methods), problems, title=title, number_format=".3f")

    def extreme(sign: int) -> Any:
        order = np.argsort(sign * report.ours.arrays["test"], axis=1)[:, :SHOWN]
        return reconstructions(report.trained, report.dataset.test.arrays()["image"], order, problems)

    both = wrong.any(1).all() and not wrong.all(1).any()  # normal examples and anomalies in every problem
    thunks = {"roc": roc, "auroc": areas} if both else {}
    if "image" in report.dataset.test.spec:
        thunks |= {"most_anomalous": partial(extreme, -1), "least_anomalous": partial(extreme, 1)}
    return thunks


def what_is_normal(config: Config, dataset: Dataset) -> tuple[tuple[tuple[bool, ...], ...], list[str]]:
    """([problems][classes], whether a class is normal; a name for each problem)."""
    classes = dataset.classes if "label" in dataset.train.spec else ()
    if config.normal:
        if unknown := [name for name in config.normal if name not in classes]:
            known = ", ".join(map(repr, classes[:SHOWN])) + (", …" if len(classes) > SHOWN else "") or "no classes"
            raise UserError(f"--normal={unknown[0]} is not a class of {config.dataset}, which has {known}")
        return (tuple(name in config.normal for name in classes),), ["the rest"]
    if unseen := dataset.about.get("not in train"):
        return (tuple(name not in unseen for name in classes),), ["the rest"]
    if len(classes) < 2:
        return ((True,),), ["nothing"]
    if len(classes) > PROBLEMS:
        raise UserError(
            f"--dataset={config.dataset} has {len(classes)} classes, and each would be left out in turn, with a "
            "network of its own: name those that are normal by --normal"
        )
    return tuple(tuple(a != b for b in classes) for a in classes), list(classes)


def normal_moments(dataset: Dataset, normal: Sequence[Sequence[bool]]) -> tuple[tuple[float, ...], ...]:
    """Mean and standard deviation of each feature, over the training rows that are normal in any problem."""
    train = dataset.train.arrays()
    rows = train["features"][np.any(normal, axis=0)[labels(train)]]
    return tuple(rows.mean(0).tolist()), tuple((rows.std(0) + 1e-6).tolist())


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    kind = next((name for name in ("image", "features") if name in dataset.train.spec), None)
    if kind is None:
        raise UserError(f"--dataset={config.dataset} has neither images nor a table's features to look at")
    if config.normal and "label" not in dataset.train.spec:
        raise UserError(f"--dataset={config.dataset} has no labels: leave --normal out, and all of it is normal")
    normal, _ = what_is_normal(config, dataset)
    present = dataset.fact("classes in training", lambda: np.unique(labels(dataset.train.arrays())))
    if not all(np.take(of, present).any() for of in normal):
        raise UserError(
            f"--dataset={config.dataset} has no normal training example, of another class than anomalies"
        )
    inputs = int(np.prod(dataset.train.spec[kind].shape))
    moments: tuple[tuple[float, ...], ...] = ()
    if kind == "features":
        # With several problems every class is normal in one of them, so these are moments of all rows.
        moments = dataset.fact("moments of normal rows", partial(normal_moments, dataset, normal))
    loss = partial(reconstruction, noise=config.noise)
    return dl.Experiment(
        model=Detectors(inputs, (*config.hidden, config.code), normal, *moments),
        stages=[dl.Stage([dl.Turn(loss)], config.chain(), config.steps, ema=0.99)],
        data=dataset,
        evaluate=evaluate,
        validate=validate,
        baselines=baselines,
        figures=figures,
        sheet=sheet if kind == "image" else None,
    )


if __name__ == "__main__":
    dl.launch(Config, build)
