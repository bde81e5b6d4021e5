"""Greedy layer-wise pretraining with denoising autoencoders, then fine-tuning on few labels, against from scratch.

    python -m experiments.representations.layerwise_autoencoder --replicas=5

Bengio et al. 2007; Vincent et al. 2010. A stage for each layer: it learns to undo the masking of the codes below,
on all training images without labels. Then classifiers start from the stack and are fine-tuned on 1 to 50 labels a
class. The rival has their shape, random weights, and only the last stage. Each seed draws its own labels, the
same for both, so gains are paired. `accuracy_n` is on test with n labels per class. Baselines: scikit-learn's
MLP on the same draw; nearest neighbour and logistic regression with every label.
"""

import dataclasses
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import numpy as np

from deeplearn import train as dl
from deeplearn.baselines.classical import estimator, fitted
from deeplearn.baselines.few_labels import few_label_accuracies
from deeplearn.data import Dataset
from deeplearn.data.pool import few_label_pool
from deeplearn.figures.contrast import around_grey
from deeplearn.figures.grid import image_grid
from deeplearn.figures.plots import curves
from deeplearn.losses.elbo import bernoulli_log_likelihood
from deeplearn.losses.few_labels import few_label_loss
from deeplearn.metrics.few_labels import accuracies, series, validate
from deeplearn.models.autoencoder import RectifiedLayer
from deeplearn.models.warm_start import FewLabelClassifiers, GreedyStack
from deeplearn.nn.corruption import masking
from deeplearn.nn.functional import flat
from deeplearn.train.few_labels import FewLabelConfig, few_label_claims, few_label_stage

SCRATCH, SCIKIT = "the same net from scratch", "scikit-learn's MLP from scratch"


@dataclasses.dataclass(frozen=True)
class Config(FewLabelConfig):
    steps: int = dl.flag(1500, "steps to pretrain each layer", min=1)
    hidden: tuple[int, ...] = dl.flag((200, 100), "widths of the rectified layers", min=1)
    corruption: float = dl.flag(0.5, "fraction of a layer's inputs set to 0", min=0, max=0.9)
    learning_rate: float = dl.flag(2e-3, "maximum learning rate in pretraining", min=0)

    # Vincent et al. 2010, section 6: three layers of 1000 for 28×28 characters, a quarter of the pixels masked.
    PAPER = {
        "dataset": "mnist",
        "hidden": (1000, 1000, 1000),
        "corruption": 0.25,
        "steps": 50_000,
        "tuning_steps": 5000,
    }
    TINY = {"hidden": (6, 4), "labels": (1, 2), "tuning_steps": 2}


def denoise(stack: GreedyStack, batch: dl.Batch, depth: int, corruption: float) -> dl.Losses:
    """Layer number `depth` learns to undo the corruption of the codes below, which its stage does not train."""
    x, layer = stack.encode(batch["image"], depth), stack.layers[depth]
    output = layer.decode(layer.encode(masking(stack.make_rng("noise"), x, corruption)))
    if depth == 0:  # grey levels in [0, 1]
        return -bernoulli_log_likelihood(output, x).mean(), {"mse": ((nn.sigmoid(output) - x) ** 2).mean()}
    return ((output - x) ** 2).sum(-1).mean(), {"mse": ((output - x) ** 2).mean()}


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    return dl.ours(accuracies(trained, dataset.test.arrays()))


def evaluate_pretrained(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    """The pretrained classifiers, and scikit-learn's on the same draw of labels."""
    config = trained.config
    pool, rank = few_label_pool(dataset, config.labels), trained.variables["drawn"]["tuned"]["few"]["rank"]
    mlp = estimator("MLPClassifier", hidden_layer_sizes=config.hidden, max_iter=300, random_state=0)
    scikit = few_label_accuracies(mlp, pool.arrays(), rank, dataset.test.arrays(), config.labels)
    return {**evaluate(trained, dataset), SCIKIT: dl.Measured(scikit)}


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    models = {
        "nearest neighbour, all labels": estimator("KNeighborsClassifier", n_neighbors=1),
        "logistic regression, all labels": estimator("LogisticRegression", max_iter=1000),
    }
    return fitted(dataset, models, metric="accuracy_all")


def reconstruct(stack: GreedyStack, image: jax.Array, corruption: float) -> tuple[jax.Array, jax.Array]:
    """Corrupted images, and their reconstructions through all layers up and down, [B, pixels] each."""
    x = noisy = masking(stack.make_rng("noise"), flat(image), corruption)
    for layer in stack.layers:
        x = layer.encode(x)
    for layer in stack.layers[::-1]:
        x = layer.decode(x)
    return noisy, nn.sigmoid(x)


def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
    images = dataset.test.arrays(16)["image"]
    found = trained["pretrained"](reconstruct, images, corruption=trained.config.corruption)
    rows = [images, *(np.asarray(x).reshape(images.shape) for x in found)]
    return image_grid(np.stack(rows), row_labels=["test", "corrupted", "decoded"])


def figures(report: dl.Report) -> dict[str, Any]:
    def filters() -> Any:
        kernel = np.asarray(report.trained["pretrained"].variables["params"]["layers_0"]["kernel"]).T[:64]
        return image_grid(around_grey(kernel).reshape(-1, *report.dataset.train.spec["image"].shape), columns=16)

    lines = series(report.replicas, report.config.labels, "pretrained layer by layer")
    return {
        "reconstructions": lambda: sheet(report.trained, report.dataset),
        "filters": filters,
        "few_labels": lambda: curves(lines, "labels per class", "test accuracy", log_x=True),
    }


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset.need_labelled_images("fine-tuning needs them")
    pool, classes = few_label_pool(dataset, config.labels), len(dataset.classes)
    shape = (config.hidden, classes, config.labels, len(pool) // classes, nn.relu)
    pixels = int(np.prod(dataset.train.spec["image"].shape))
    layers = [
        dl.Stage(
            [dl.Turn(partial(denoise, depth=depth, corruption=config.corruption), trains=(f"layers_{depth}",))],
            config.chain(),
            config.steps,
            name=f"layer {depth}",
        )
        for depth in range(len(config.hidden))
    ]

    def tuning(rate: float, *trains: str) -> dl.Stage:
        steps = config.tuning_steps
        return few_label_stage(few_label_loss, pool, config.chain(steps, learning_rate=rate), steps, *trains)

    stages = [*layers, tuning(config.tuning_rate, "tuned")]
    stack, twin = GreedyStack(RectifiedLayer, pixels, *shape), FewLabelClassifiers(*shape)
    rivals = {
        "pretrained": dl.Rival(stack, stages, evaluate_pretrained, validate),
        "scratch": dl.Rival(twin, [tuning(config.scratch_rate)], evaluate, validate, row=SCRATCH),
    }
    claims = few_label_claims(config.labels, (dl.OURS, SCRATCH), (dl.OURS, SCIKIT))
    return dl.side_by_side(rivals, data=dataset, baselines=baselines, figures=figures, sheet=sheet, claims=claims)


if __name__ == "__main__":
    dl.launch(Config, build)
