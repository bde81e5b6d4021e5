"""A convolutional network that classifies images: convolution, batch norm, ReLU; residual blocks; global pooling.

    python -m experiments.convolution.cnn --replicas=5
    python -m experiments.convolution.cnn --dataset=glyphs --widths=16,32,64 --steps=1500 --replicas=5

Each stage is a residual block and halves the image by max pooling; the last is averaged over all positions.
Training also translates the images, and uses dropout and a moving average of the weights.
Baselines: logistic regression, k nearest neighbours and a support vector machine with Gaussian kernel.
"""

import dataclasses
from functools import partial
from typing import Any

from deeplearn import train as dl
from deeplearn.baselines.classical import classical
from deeplearn.data import Dataset
from deeplearn.data.augmentation import augment
from deeplearn.errors import UserError
from deeplearn.figures.mistakes import confusion_and_mistakes
from deeplearn.losses.classification import classification, cross_entropy
from deeplearn.models.cnn import CNN


@dataclasses.dataclass(frozen=True)
class Config(dl.OptimizerConfig):
    steps: int = 1000
    batch_size: int = 64
    learning_rate: float = 3e-3
    widths: tuple[int, ...] = dl.flag((32, 64), "features of each stage", min=1)
    blocks: int = dl.flag(1, "residual blocks per stage", min=1)
    bottleneck: bool = dl.flag(False, "blocks of 1×1, 3×3, 1×1 with a quarter of the features inside")
    dropout: float = dl.flag(0.2, "fraction of pooled features dropped in training", min=0, max=0.95)
    augmentation: str = dl.flag("translate", "changes of training images, joined by commas (empty: none)")

    # ResNet-20 of He et al. 2015, section 4.2: three stages of three blocks, images padded by 4 and cropped.
    PAPER = {
        "dataset": "cifar10",
        "widths": (16, 32, 64),
        "blocks": 3,
        "dropout": 0.0,
        "augmentation": "crop,flip",
        "batch_size": 128,
        "steps": 64_000,
    }
    TINY = {"widths": (4, 8), "bottleneck": True}


def classify(model: CNN, batch: dl.Batch, augmentation: str) -> dl.Losses:
    image = augment(augmentation, model.make_rng("noise"), batch["image"])
    return cross_entropy(model(image, train=True), batch["label"])


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    test = dataset.test.arrays()
    predicted = trained.over(CNN.__call__, test["image"]).argmax(-1)
    return dl.ours(trained.mean(classification, test), predicted=predicted)


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    return classical(dataset)


def figures(report: dl.Report) -> dict[str, Any]:
    test, predicted = report.dataset.test.arrays(), report.ours.arrays["predicted"]
    return confusion_and_mistakes(test["image"], test["label"], predicted, report.dataset.classes)


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset.need_labelled_images("this experiment classifies images")
    side = min(dataset.train.spec["image"].shape[:2])
    if side < 2 ** (len(config.widths) - 1):
        raise UserError(f"images of {side} pixels cannot be halved {len(config.widths) - 1} times: fewer --widths")
    loss = partial(classify, augmentation=config.augmentation)
    return dl.Experiment(
        model=CNN(len(dataset.classes), config.widths, config.blocks, config.bottleneck, config.dropout),
        stages=[dl.Stage([dl.Turn(loss)], config.chain(), config.steps, ema=0.99)],
        data=dataset,
        evaluate=evaluate,
        validate=classification,
        best="accuracy",
        baselines=baselines,
        figures=figures,
    )


if __name__ == "__main__":
    dl.launch(Config, build)
