"""A multilayer perceptron that classifies images: y = f(Wx + b), layer by layer.

    python -m experiments.foundations.mlp --replicas=5

Noise on the images, dropout and a moving average of the weights are what 1,097 images ask for. Baselines:
logistic regression, a support vector machine with Gaussian kernel, scikit-learn's MLP over five seeds.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import flax.linen as nn
import jax
import optax

from deeplearn.data import Dataset
from deeplearn.figures.mistakes import confusion_and_mistakes
from deeplearn.losses.classification import classification, cross_entropy
from deeplearn.metrics.statistics import mean_and_standard_error
from deeplearn.models.mlp import MLP
from deeplearn.nn.corruption import gaussian
from deeplearn.train import Batch, Experiment, Metrics, Stage, Trained, Turn, flag, launch
from deeplearn.train import Config as BaseConfig


@dataclasses.dataclass(frozen=True)
class Config(BaseConfig):
    steps: int = 1500
    batch_size: int = 64
    hidden: tuple[int, ...] = flag((512, 512), "widths of the hidden layers")
    dropout: float = flag(0.2, "share of hidden units dropped in training", min=0, max=0.95)
    noise: float = flag(0.2, "deviation of the Gaussian noise added to training images", min=0)
    learning_rate: float = flag(2e-3, "Adam's rate at the start; falls to 0 along a cosine", min=0)

    # LeNet-300-100 (LeCun et al. 1998, section III-B): 266,610 parameters.
    PAPER: ClassVar[dict[str, Any]] = {"dataset": "mnist", "hidden": (300, 100), "steps": 20_000}


class Perceptron(nn.Module):
    """The root of the experiment's networks: there is one, the classifier. [B, ...] -> logits [B, classes]."""

    classes: int
    hidden: tuple[int, ...]
    dropout: float
    noise: float

    def setup(self) -> None:
        self.classifier = MLP(self.hidden, self.classes, dropout=self.dropout)

    def __call__(self, image: jax.Array) -> jax.Array:
        return self.classifier(image)


def classify(model: Perceptron, batch: Batch) -> tuple[jax.Array, Metrics]:
    image = batch["image"]
    image = gaussian(model.make_rng("noise"), image, model.noise)
    return cross_entropy(model.classifier(image, train=True), batch["label"])


def evaluate(trained: Trained, dataset: Dataset) -> dict[str, float]:
    return trained.mean(classification, dataset.test.arrays())


def baselines(trained: Trained, dataset: Dataset) -> dict[str, Any]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.svm import SVC

    train, test = dataset.train.arrays(10_000), dataset.test.arrays()
    x, y = train["image"].reshape(len(train["image"]), -1), train["label"]
    x_test, y_test = test["image"].reshape(len(test["image"]), -1), test["label"]
    seeds = [MLPClassifier(max_iter=500, random_state=s).fit(x, y).score(x_test, y_test) for s in range(5)]
    mean, error = mean_and_standard_error(seeds)
    return {
        "logistic regression": {"accuracy": LogisticRegression(max_iter=1000).fit(x, y).score(x_test, y_test)},
        "RBF SVM": {"accuracy": SVC().fit(x, y).score(x_test, y_test)},
        "scikit-learn's MLP(100), 5 seeds": {"accuracy": {"mean": mean, "stderr": error}},
    }


def draw(trained: Trained, dataset: Dataset) -> dict[str, Any]:
    test = dataset.test.arrays()
    guess = trained.over(Perceptron.__call__, test["image"]).argmax(-1)
    return confusion_and_mistakes(test["image"], test["label"], guess, dataset.classes)


def build(config: Config, dataset: Dataset) -> Experiment:
    dataset.need_labelled_images("this experiment classifies images")
    rate = optax.cosine_decay_schedule(config.learning_rate, config.steps)
    return Experiment(
        model=Perceptron(len(dataset.classes), config.hidden, config.dropout, config.noise),
        stages=[Stage([Turn(classify)], optax.adam(rate), config.steps, ema=0.99)],
        data=dataset,
        evaluate=evaluate,
        validate=classification,
        best="accuracy",
        baselines=baselines,
        figures=draw,
        dense=True,
        watch=("loss", "accuracy"),
    )


if __name__ == "__main__":
    launch(Config, build)
