"""AlexNet at a size for small images, trained as in its paper; the paper's own network, layer by layer.

    python -m experiments.convolution.alexnet --replicas=5
    python -m experiments.convolution.alexnet --paper --dataset=folder:PHOTOS@227

Krizhevsky, Sutskever & Hinton 2012: two towers of grouped convolutions, ReLU, local response normalisation,
overlapping pooling, dropout on both dense layers, images that are shifted, mirrored and recoloured. Letters are
only shifted: mirroring changes them, and grey has no colours. The small network has a 5×5 stem without stride
and a quarter of the features, starts by He's rule and trains with Adam. `--paper` is the paper's for 227 pixels, on
CIFAR-10 enlarged to them or on photographs of your own. Baselines: logistic regression, k nearest neighbours and a
support vector machine with Gaussian kernel.
"""

import dataclasses
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from deeplearn import train as dl
from deeplearn.baselines.classical import classical
from deeplearn.data import Dataset
from deeplearn.data.augmentation import Colours, augment, principal_colours
from deeplearn.figures.contrast import stretched
from deeplearn.figures.grid import image_grid
from deeplearn.figures.mistakes import confusion_and_mistakes
from deeplearn.figures.text import text_image
from deeplearn.losses.classification import classification, cross_entropy
from deeplearn.models.alexnet import AlexNet, alexnet, small
from deeplearn.models.anatomy import anatomy
from deeplearn.nn.enlarged import Enlarged

PIXELS = 227  # of the paper's network


@dataclasses.dataclass(frozen=True)
class Config(dl.OptimizerConfig):
    dataset: str = "glyphs"
    steps: int = 1000
    batch_size: int = 64
    learning_rate: float = 1e-3
    network: str = dl.flag("small", "the paper's takes images enlarged to 227 pixels", choices=("small", "paper"))
    augmentation: str = dl.flag("translate", "changes of training images, joined by commas (empty: none)")

    # Section 5; there the rate falls when validation stops improving, here at one half and three quarters.
    PAPER = {
        "dataset": "cifar10",
        "network": "paper",
        "augmentation": "translate,flip,pca_colour",
        "optimizer": "momentum",
        "learning_rate": 0.01,
        "schedule": "step",
        "l2": 5e-4,
        "batch_size": 128,
        "steps": 35_000,
    }
    TINY = {"dataset": "digits"}


def classify(model: Enlarged, batch: dl.Batch, augmentation: str, colours: Colours | None) -> dl.Losses:
    image = augment(augmentation, model.make_rng("noise"), batch["image"], colours)
    return cross_entropy(model(image, train=True), batch["label"])


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    test = dataset.test.arrays()
    predicted = trained.over(Enlarged.__call__, test["image"]).argmax(-1)
    kernel = trained.variables["params"]["net"]["conv1"]["kernel"]
    return dl.ours(trained.mean(classification, test), predicted=predicted, kernel=np.asarray(kernel))


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    return classical(dataset)


def layers(net: AlexNet, side: int, channels: int) -> str:
    """Each layer's shape, parameters, multiply-adds and receptive field."""
    return str(anatomy(net, jax.ShapeDtypeStruct((1, side, side, channels), jnp.float32)))


def figures(report: dl.Report) -> dict[str, Any]:
    test, model = report.dataset.test.arrays(), report.trained.model
    side, channels = model.side or test["image"].shape[1], test["image"].shape[-1]

    def filters() -> Any:
        return image_grid(stretched(report.ours.arrays["kernel"].transpose(3, 0, 1, 2)))

    return {
        **confusion_and_mistakes(
            test["image"], test["label"], report.ours.arrays["predicted"], report.dataset.classes
        ),
        "filters": filters,
        "layers": lambda: text_image(layers(model.net, side, channels)),
        "layers_of_the_paper": lambda: text_image(layers(alexnet(), PIXELS, 3)),
    }


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset.need_labelled_images("this experiment classifies images")
    net = alexnet(len(dataset.classes))
    colours = None
    if "pca_colour" in config.augmentation.split(","):
        colours = principal_colours(dataset.train.arrays(10_000)["image"])
    loss = partial(classify, augmentation=config.augmentation, colours=colours)
    return dl.Experiment(
        model=Enlarged(small(net)) if config.network == "small" else Enlarged(net, PIXELS),
        stages=[dl.Stage([dl.Turn(loss)], config.chain(), config.steps)],
        data=dataset,
        evaluate=evaluate,
        validate=classification,
        best="accuracy",
        baselines=baselines,
        figures=figures,
    )


if __name__ == "__main__":
    dl.launch(Config, build)
