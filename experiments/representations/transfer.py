"""Transfer learning: features learned on letters, reused for digits of which only a few are labelled.

    python -m experiments.representations.transfer --replicas=5
    python -m experiments.representations.transfer --replicas=5 --dataset=digits --workdir=runs/handwritten
    python -m experiments.representations.transfer --dataset=folder:PATH@64 --classes= --size=0 \\
        --network=resnet50 --weights=FILE

Yosinski et al. 2014. A network learns the source, letters at the size of the target's images. Then its last
layer is replaced and trained on 1, 5, 10 and 50 labels per class, the rest frozen; then all of it is unfrozen and
fine-tuned. The rivals: the same network from scratch, on the same labels for as many steps; and one frozen after
learning a source that has nothing to do with the target, letters with their pixels shuffled: negative transfer.
With `--weights` the network starts from a file of torchvision, timm or Keras, or from one saved by us or a run
directory, sees images as it was trained on, and there is no source to learn. Each seed draws its own labels, so the
gains are paired. Baselines: logistic regression on pixels, with the same labels and with all.
"""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import numpy as np

from deeplearn import data
from deeplearn import train as dl
from deeplearn.baselines.classical import estimator, fitted
from deeplearn.baselines.few_labels import few_label_accuracies
from deeplearn.data import Arrays, Dataset
from deeplearn.data.classes import known_classes, of_classes, only_classes
from deeplearn.data.pool import few_label_pool
from deeplearn.errors import UserError
from deeplearn.figures.grid import image_grid
from deeplearn.figures.plots import curves
from deeplearn.losses.classification import cross_entropy
from deeplearn.losses.few_labels import few_label_loss
from deeplearn.metrics.few_labels import accuracies, series, validate
from deeplearn.models.transfer import FewLabelLearners, Transfer, unfrozen
from deeplearn.models.zoo import backbone
from deeplearn.train.few_labels import FewLabelConfig, few_label_claims, few_label_stage
from deeplearn.weights.load import load_into
from deeplearn.weights.source import Source, pretrained

FROZEN, SCRATCH, UNRELATED = "frozen, new head", "the same net from scratch", "frozen, from an unrelated source"
PIXELS = "logistic regression on pixels"


@dataclasses.dataclass(frozen=True)
class Config(FewLabelConfig):
    dataset: str = "glyphs"
    steps: int = dl.flag(600, "steps on the source", min=1)
    classes: tuple[str, ...] = dl.flag(tuple("0123456789"), "classes of the target (empty: all it has)")
    size: int = dl.flag(8, "pixels a side that all images are resized to (0: the target's own)", min=0)
    source: str = dl.flag("glyphs", "data to learn first; classes that the target has too are left out")
    network: str = dl.flag("resnet8", "a network of the zoo, small, with --weights at paper size; or resnet8")
    width: int = dl.flag(16, "features of resnet8's first block", min=1)
    blocks: int = dl.flag(3, "residual blocks of resnet8, each but the first halves the image", min=1)
    weights: str = dl.flag("", "a file or run directory to start from instead of the source")
    head_steps: int = dl.flag(200, "steps that train new heads", min=1)
    learning_rate: float = dl.flag(2e-3, "maximum learning rate on the source", min=0)
    head_rate: float = dl.flag(1e-2, "the same of the heads", min=0)
    tuning_steps: int = 200
    tuning_rate: float = 5e-4
    scratch_rate: float = 2e-3

    PAPER = {"dataset": "mnist", "network": "resnet18", "steps": 20_000}
    TINY = {"labels": (2,), "width": 2, "blocks": 1, "head_steps": 2, "tuning_steps": 2}


def learn_source(model: Transfer, batch: dl.Batch) -> dl.Losses:
    return cross_entropy(model.source(batch["image"], train=True), batch["label"])


def learn_shuffled(model: Transfer, batch: dl.Batch) -> dl.Losses:
    """The same letters with their pixels in one fixed random order."""
    image = batch["image"]
    order = np.random.default_rng(0).permutation(image.shape[1] * image.shape[2])
    shuffled = image.reshape(len(image), -1, image.shape[-1])[:, order].reshape(image.shape)
    return learn_source(model, {**batch, "image": shuffled})


def train_heads(model: Transfer, batch: dl.Batch) -> dl.Losses:
    return few_label_loss(model, batch, model.frozen_logits)


def predict_frozen(model: Transfer, image: jax.Array, count: int) -> jax.Array:
    return model.frozen_logits(image, count).argmax(-1)


def validate_frozen(model: Transfer, batch: dl.Batch) -> dl.Metrics:
    return {f"frozen_{name}": value for name, value in validate(model, batch, predict_frozen).items()}


def validate_both(model: Transfer, batch: dl.Batch) -> dl.Metrics:
    return {**validate(model, batch), **validate_frozen(model, batch)}


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    return dl.ours(accuracies(trained, dataset.test.arrays(2000)))


def evaluate_frozen(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    return dl.ours(accuracies(trained, dataset.test.arrays(2000), predict_frozen))


def evaluate_transfer(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    """Fine-tuned; frozen, before that; and logistic regression on the same draw of labels."""
    labels, rank = trained.config.labels, trained.variables["drawn"]["few"]["rank"]
    pool, logistic = few_label_pool(dataset, labels).arrays(), estimator("LogisticRegression", max_iter=1000)
    return {
        **evaluate(trained, dataset),
        FROZEN: evaluate_frozen(trained, dataset)[dl.OURS],
        PIXELS: dl.Measured(few_label_accuracies(logistic, pool, rank, dataset.test.arrays(2000), labels)),
    }


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    logistic = estimator("LogisticRegression", max_iter=1000)
    return fitted(dataset, {f"{PIXELS}, all labels": logistic}, metric="accuracy_all", test_limit=2000)


def figures(report: dl.Report) -> dict[str, Any]:
    def tasks() -> Any:
        target = report.dataset.test.arrays(16)["image"]
        if report.config.weights:
            return image_grid(target)
        found, _ = source_data(report.config, report.dataset)
        letters = found.gather(np.arange(0, len(found), len(found) // 16)[:16])["image"]
        return image_grid(np.stack([letters, target]), row_labels=["source", "target"])

    lines = series(report.replicas, report.config.labels, "fine-tuned")
    return {"tasks": tasks, "few_labels": lambda: curves(lines, "labels per class", "test accuracy", log_x=True)}


def target_data(config: Config, dataset: Dataset) -> Dataset:
    """The chosen classes of the target, at the chosen size."""
    dataset.need_labelled_images("there is nothing to transfer to")
    known_classes(dataset, config.classes)
    height, width, channels = dataset.train.spec["image"].shape
    shape = (config.size or height, config.size or width, channels)
    return only_classes(dataset, config.classes or dataset.classes, shape)


def source_data(config: Config, target: Dataset) -> tuple[Arrays, int]:
    """The source's images at the target's size, without the target's classes, and the number of classes left."""
    found = data.load(config.source, config.data_dir or None)
    kept = [number for number, name in enumerate(found.classes) if name not in target.classes]
    if not kept:
        raise UserError(f"--source={config.source} has no class that {target.name} lacks: name another source")
    return of_classes(found.train, kept, target.train.spec["image"].shape), len(kept)


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset = target_data(config, dataset)
    if config.weights:
        begin = pretrained(config.weights, config.network, dataset)
    else:
        begin = Source(backbone(config.network, config.width, config.blocks), ())
    letters, source_classes = (None, 1) if config.weights else source_data(config, dataset)
    pool, classes = few_label_pool(dataset, config.labels), len(dataset.classes)
    shape = (begin.net, classes, config.labels, len(pool) // classes, begin.colours, begin.blue_first)

    def networks(name: str) -> tuple[str, ...]:
        return tuple(f"{name}_{count}" for count in config.labels)

    def heads(start: Any = None) -> dl.Stage:
        chain, named = config.chain(config.head_steps, learning_rate=config.head_rate), networks("heads")
        return few_label_stage(train_heads, pool, chain, config.head_steps, *named, name="heads", start=start)

    def tuning(rate: float, start: Any = None) -> dl.Stage:
        chain = config.chain(config.tuning_steps, learning_rate=rate)
        learners = networks("learners")
        return few_label_stage(few_label_loss, pool, chain, config.tuning_steps, *learners, start=start)

    def learning(loss: Any) -> dl.Stage:
        turns = [dl.Turn(loss, trains=("source",))]
        return dl.Stage(turns, config.chain(), config.steps, name="source", data=letters)

    def from_file(variables: Any) -> Any:
        return load_into(variables, Path(config.weights), begin.net, "source/body", of=begin.of)

    start = [heads(from_file)] if config.weights else [learning(learn_source), heads()]
    transfer, stages = Transfer(*shape, source_classes), [*start, tuning(config.tuning_rate, unfrozen)]
    twin, from_scratch = FewLabelLearners(*shape), [tuning(config.scratch_rate)]
    rivals = {
        "tuned": dl.Rival(transfer, stages, evaluate_transfer, validate_both),
        "scratch": dl.Rival(twin, from_scratch, evaluate, validate, row=SCRATCH),
    }
    pairs = [(dl.OURS, SCRATCH), (dl.OURS, FROZEN)]
    if not config.weights:
        stages = [learning(learn_shuffled), heads()]
        rivals["unrelated"] = dl.Rival(transfer, stages, evaluate_frozen, validate_frozen, row=UNRELATED)
        pairs.append((UNRELATED, SCRATCH))
    claims = few_label_claims(config.labels, *pairs, ours="fine-tuned")
    return dl.side_by_side(rivals, data=dataset, baselines=baselines, figures=figures, claims=claims)


if __name__ == "__main__":
    dl.launch(Config, build)
