"""A multilayer perceptron that classifies images: y = f(Wx + b), layer by layer.

    python -m experiments.foundations.mlp --replicas=5

Noise on the images, dropout and a moving average of the weights suit a training set of 1,097 images. Baselines:
logistic regression, a support vector machine with Gaussian kernel, scikit-learn's MLP over five seeds.
"""

import dataclasses
from functools import partial
from typing import Any

from deeplearn import train as dl
from deeplearn.baselines.classical import estimator, fitted, mlp
from deeplearn.data import Dataset
from deeplearn.figures.mistakes import confusion_and_mistakes
from deeplearn.losses.classification import classification, cross_entropy
from deeplearn.models.mlp import MLP
from deeplearn.nn.corruption import gaussian


@dataclasses.dataclass(frozen=True)
class Config(dl.OptimizerConfig):
    steps: int = 1500
    batch_size: int = 64
    hidden: tuple[int, ...] = dl.flag((512, 512), "widths of the hidden layers", min=1)
    dropout: float = dl.flag(0.2, "fraction of hidden units dropped in training", min=0, max=0.95)
    noise: float = dl.flag(0.2, "standard deviation of the Gaussian noise added to training images", min=0)

    # LeNet-300-100 (LeCun et al. 1998, section III-B): 266,610 parameters.
    PAPER = {"dataset": "mnist", "hidden": (300, 100), "steps": 20_000}


def classify(model: MLP, batch: dl.Batch, noise: float) -> dl.Losses:
    image = gaussian(model.make_rng("noise"), batch["image"], noise)
    return cross_entropy(model(image, train=True), batch["label"])


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    test = dataset.test.arrays()
    predicted = trained.over(MLP.__call__, test["image"]).argmax(-1)
    return dl.ours(trained.mean(classification, test), predicted=predicted)


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    logistic, svm = estimator("LogisticRegression", max_iter=1000), estimator("SVC")
    return fitted(dataset, {"logistic regression": logistic, "RBF SVM": svm}) | mlp(dataset, max_iter=500)


def figures(report: dl.Report) -> dict[str, Any]:
    test, predicted = report.dataset.test.arrays(), report.ours.arrays["predicted"]
    return confusion_and_mistakes(test["image"], test["label"], predicted, report.dataset.classes)


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset.need_labelled_images("this experiment classifies images")
    return dl.Experiment(
        model=MLP(config.hidden, len(dataset.classes), dropout=config.dropout),
        stages=[dl.Stage([dl.Turn(partial(classify, noise=config.noise))], config.chain(), config.steps, ema=0.99)],
        data=dataset,
        evaluate=evaluate,
        validate=classification,
        best="accuracy",
        baselines=baselines,
        figures=figures,
    )


if __name__ == "__main__":
    dl.launch(Config, build)
