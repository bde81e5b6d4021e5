"""Transfer learning: features learned on letters, reused for digits of which only a few are labelled.

    python -m experiments.representations.transfer --replicas=5
    python -m experiments.representations.transfer --replicas=5 --dataset=digits --workdir=runs/handwritten
    python -m experiments.representations.transfer --dataset=folder:PATH@64 --classes= --size=0 \\
        --network=resnet50 --weights=FILE

Yosinski et al. 2014. A network learns the source, letters at the size of the target's images. Then its last
layer is replaced and trained on 1, 5, 10 and 50 labels a class, the rest frozen; then all of it is unfrozen and
fine-tuned. Beside it the same network from scratch, on the same labels for as many steps, and one frozen after
learning a source that has nothing to do with the target, letters with their pixels shuffled: negative transfer.
With `--weights` the network starts from a file of torchvision, timm or Keras, or from one saved by us or a run
directory, and there is no source to learn. Each seed draws its own labels, so the gains are paired.

Digits in fonts that training never saw, from letters, five draws, 10 minutes of a core; ± is at most .03:

    labels a class                      1      5      10     50
    fine-tuned                        .740   .927   .952   .984
    frozen, new head                  .796   .937   .959   .974
    the same net from scratch         .289   .611   .786   .959
    frozen, from an unrelated source  .275   .484   .566   .683

Paired gain of fine-tuning over from scratch +.451 ± .021, +.315 ± .025, +.166 ± .006, +.026 ± .003; the unrelated
source is a clear loss from five labels on. To handwritten digits (`--dataset=digits`) nothing clear is gained.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import flax.linen as nn
import jax
import numpy as np
import optax

from deeplearn import data
from deeplearn.baselines.few_labels import fitted_accuracies
from deeplearn.data import Arrays, Dataset
from deeplearn.data.classes import of_classes, only_classes
from deeplearn.data.pool import balanced_pool
from deeplearn.errors import UserError
from deeplearn.figures.grid import image_grid
from deeplearn.figures.plots import curves
from deeplearn.losses.classification import cross_entropy
from deeplearn.losses.few_labels import few_label_loss
from deeplearn.metrics.few_labels import accuracies, series, validate, verdicts
from deeplearn.models.resnet import ResNet
from deeplearn.models.transfer import Transfer, unfreeze
from deeplearn.models.zoo import member
from deeplearn.train import Batch, Experiment, Metrics, Stage, Trained, Turn, flag, launch
from deeplearn.train import Config as BaseConfig
from deeplearn.weights.load import load_into
from deeplearn.weights.preprocessing import IMAGENET

FROZEN, SCRATCH, UNRELATED = "frozen, new head", "the same net from scratch", "frozen, from an unrelated source"


@dataclasses.dataclass(frozen=True)
class Config(BaseConfig):
    dataset: str = "glyphs"
    steps: int = flag(600, "steps on the source", min=1)
    classes: tuple[str, ...] = flag(tuple("0123456789"), "classes of the target (empty: all it has)")
    size: int = flag(8, "pixels a side that all images are resized to (0: the target's own)", min=0)
    source: str = flag("glyphs", "data to learn first; classes that the target has too are left out")
    network: str = flag("resnet8", "a network of the zoo, small, with --weights at paper size; or resnet8")
    width: int = flag(16, "features of resnet8's first block", min=1)
    blocks: int = flag(3, "residual blocks of resnet8, each but the first halves the image", min=1)
    weights: str = flag("", "a file or run directory to start from instead of the source")
    labels: tuple[int, ...] = flag((1, 5, 10, 50), "labels a class, each a comparison of its own")
    head_steps: int = flag(200, "steps that train new heads", min=1)
    tuning_steps: int = flag(200, "steps that train everything", min=1)
    learning_rate: float = flag(2e-3, "Adam's rate on the source; falls to 0 along a cosine", min=0)
    head_rate: float = flag(1e-2, "Adam's rate for the heads", min=0)
    tuning_rate: float = flag(5e-4, "Adam's rate in fine-tuning", min=0)
    scratch_rate: float = flag(2e-3, "Adam's rate for the network from scratch", min=0)

    PAPER: ClassVar[dict[str, Any]] = {"dataset": "mnist", "network": "resnet18", "steps": 20_000}
    TINY: ClassVar[dict[str, Any]] = {"labels": (2,), "width": 2, "blocks": 1, "head_steps": 2, "tuning_steps": 2}


def backbone(config: Config) -> nn.Module:
    """Images [B, H, W, C] -> features [B, D]."""
    if config.network == "resnet8" and not config.weights:
        return ResNet(0, (1,) * config.blocks, bottleneck=False, width=config.width, small_stem=True)
    found = member(config.network)
    return found.paper(0) if config.weights else found.small(0)


def learn_source(model: Transfer, batch: Batch) -> tuple[jax.Array, Metrics]:
    return cross_entropy(model.source(batch["image"], train=True), batch["label"])


def learn_unrelated(model: Transfer, batch: Batch) -> tuple[jax.Array, Metrics]:
    """The same letters with their pixels in one fixed random order."""
    image = batch["image"]
    order = np.random.default_rng(0).permutation(image.shape[1] * image.shape[2])
    shuffled = image.reshape(len(image), -1, image.shape[-1])[:, order].reshape(image.shape)
    return cross_entropy(model.unrelated(shuffled, train=True), batch["label"])


def few_labels(model: Transfer, batch: Batch, network: str) -> tuple[jax.Array, Metrics]:
    def classify(image: jax.Array, count: int) -> jax.Array:
        return model.logits(image.reshape(len(image), *batch["image"].shape[1:]), network, count, train=True)

    return few_label_loss(classify, model.few, batch, model.labels)


def guess(model: Transfer, image: jax.Array, network: str, count: int) -> jax.Array:
    return model.logits(image, network, count).argmax(-1)


def evaluate(trained: Trained, dataset: Dataset, pool: Arrays) -> dict[str, Any]:
    from sklearn.linear_model import LogisticRegression

    model, test = trained.model, dataset.test.arrays(2000)
    measure = functools.partial(accuracies, trained, test, predict=guess)
    rows = {FROZEN: measure("heads"), SCRATCH: measure("scratch")}
    if not model.colours:
        rows[UNRELATED] = measure("unrelated_heads")
    rank, make = trained.variables["drawn"]["few"]["rank"], functools.partial(LogisticRegression, max_iter=1000)
    raw = fitted_accuracies(make, pool.arrays(), rank, test, model.labels)
    return {**measure("tuned"), **rows, "logistic regression on pixels": raw}


def baselines(trained: Trained, dataset: Dataset) -> dict[str, Any]:
    from sklearn.linear_model import LogisticRegression

    train, test = dataset.train.arrays(10_000), dataset.test.arrays(2000)
    x, x_test = (split["image"].reshape(len(split["image"]), -1) for split in (train, test))
    model = LogisticRegression(max_iter=1000).fit(x, train["label"])
    return {"logistic regression, all labels": {"accuracy_all": float(model.score(x_test, test["label"]))}}


def conclude(replicas: Sequence[Mapping[str, Any]], labels: Sequence[int]) -> dict[str, Any]:
    lines = series(replicas, "fine-tuned", labels)
    negative = {}
    if UNRELATED in replicas[0]:
        turned = [{**replica[UNRELATED], SCRATCH: replica[SCRATCH]} for replica in replicas]
        found = verdicts(turned, SCRATCH, labels)
        negative = {key.replace("pretrained", UNRELATED): text for key, text in found.items()}
    return {
        **verdicts(replicas, SCRATCH, labels),
        **verdicts(replicas, FROZEN, labels),
        **negative,
        "few_labels": curves(lines, "labels a class", "test accuracy", log_x=True),
    }


def draw(trained: Trained, dataset: Dataset, source: Arrays | None) -> dict[str, Any]:
    target = dataset.test.arrays(16)["image"]
    if source is None:
        return {"target": image_grid(target)}
    letters = source.gather(np.arange(0, len(source), len(source) // 16)[:16])["image"]
    return {"tasks": image_grid(np.stack([letters, target]), row_labels=["source", "target"])}


def target_data(config: Config, dataset: Dataset) -> Dataset:
    """The classes of the target that are asked for, at the size that is asked for."""
    dataset.need_labelled_images("there is nothing to transfer to")
    if lacking := sorted(set(config.classes) - set(dataset.classes)):
        raise UserError(
            f"{dataset.name} has no class {lacking[0]!r}: name its own by --classes, or all by --classes="
        )
    height, width, channels = dataset.train.spec["image"].shape
    shape = (config.size or height, config.size or width, channels)
    return only_classes(dataset, config.classes or dataset.classes, shape)


def source_data(config: Config, target: Dataset) -> tuple[Arrays, int]:
    """The source's images at the target's size, without the classes that the target has, and how many are left."""
    found = data.load(config.source, config.data_dir or None)
    kept = [number for number, name in enumerate(found.classes) if name not in target.classes]
    if not kept:
        raise UserError(f"--source={config.source} has no class that {target.name} lacks: name another source")
    return of_classes(found.train, kept, target.train.spec["image"].shape), len(kept)


def build(config: Config, dataset: Dataset) -> Experiment:
    if config.weights and not Path(config.weights).exists():
        raise UserError(f"--weights={config.weights} is neither a file nor a run directory")
    dataset = target_data(config, dataset)
    pool = balanced_pool(dataset.train, len(dataset.classes), max(100, *config.labels))
    source, source_classes = (None, 1) if config.weights else source_data(config, dataset)
    net, each = backbone(config), len(pool) // len(dataset.classes)
    colours = IMAGENET if config.weights else ()
    few = {"data": pool, "batch_size": len(pool)}

    def adam(rate: float, steps: int) -> optax.GradientTransformation:
        return optax.adam(optax.cosine_decay_schedule(rate, steps))

    def turn(network: str) -> Turn:
        names = tuple(f"{network}_{n}" for n in config.labels)
        return Turn(functools.partial(few_labels, network=network), trains=names, called=network)

    heads = [turn("heads")] if config.weights else [turn("heads"), turn("unrelated_heads")]
    tuned, scratch = turn("tuned"), turn("scratch")
    rates = dict.fromkeys(tuned.trains, adam(config.tuning_rate, config.tuning_steps))
    from_file = functools.partial(load_into, path=Path(config.weights), net=net, at="source/body")
    stages = [
        Stage(heads, adam(config.head_rate, config.head_steps), config.head_steps, name="heads", **few),
        Stage(
            [tuned, scratch],
            rates | dict.fromkeys(scratch.trains, adam(config.scratch_rate, config.tuning_steps)),
            config.tuning_steps,
            name="fine-tuning",
            start=functools.partial(unfreeze, labels=config.labels),
            **few,
        ),
    ]
    if config.weights:
        stages[0] = dataclasses.replace(stages[0], start=from_file)
    else:
        learning = [Turn(learn_source, trains=("source",)), Turn(learn_unrelated, trains=("unrelated",))]
        rate = adam(config.learning_rate, config.steps)
        stages.insert(0, Stage(learning, rate, config.steps, name="source", data=source))
    return Experiment(
        model=Transfer(net, source_classes, len(dataset.classes), config.labels, each, colours),
        stages=stages,
        data=dataset,
        evaluate=functools.partial(evaluate, pool=pool),
        validate=functools.partial(validate, networks=("heads", "tuned", "scratch"), predict=guess),
        baselines=baselines,
        conclude=functools.partial(conclude, labels=config.labels),
        figures=functools.partial(draw, source=source),
        watch=("loss", "accuracy"),
    )


if __name__ == "__main__":
    launch(Config, build)
