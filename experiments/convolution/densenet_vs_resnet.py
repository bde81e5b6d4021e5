"""DenseNet against ResNet: accuracy against parameters, memory of a step, and how gradients flow.

    python -m experiments.convolution.densenet_vs_resnet --replicas=5

A DenseNet-BC of three blocks of two layers with growth k (Huang et al. 2017) and a ResNet of three blocks with k
features (He et al. 2015) have nearly the same number of parameters, so at each k the difference in accuracy, within
a seed, shows which uses them better; these differences are the experiment's own row. The cost of a DenseNet is
read from the compiled step: its concatenations are stored for the backward pass. Gradients are those of trained
networks on test images, by layer. Baselines: logistic regression, k nearest neighbours and a support vector machine
with Gaussian kernel.
"""

import dataclasses
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from deeplearn import train as dl
from deeplearn.baselines.classical import classical
from deeplearn.data import Dataset
from deeplearn.data.augmentation import augment
from deeplearn.figures.plots import curves
from deeplearn.losses.classification import classification, cross_entropy
from deeplearn.metrics.cost import gradient_costs
from deeplearn.metrics.gradients import relative_norms
from deeplearn.metrics.statistics import mean_and_standard_error
from deeplearn.models.anatomy import anatomy
from deeplearn.models.densenet import DenseNet
from deeplearn.models.resnet import ResNet

EXAMPLES = 64  # images in the batch whose gradients are measured
FAMILIES = {"DenseNet": "densenet", "ResNet": "resnet"}


@dataclasses.dataclass(frozen=True)
class Config(dl.OptimizerConfig):
    steps: int = 400
    batch_size: int = 64
    learning_rate: float = 3e-3
    sizes: tuple[int, ...] = dl.flag((4, 8, 16), "a DenseNet's growth and a ResNet's features", min=1)
    depth: int = dl.flag(1, "residual blocks per stage; a DenseNet has twice as many layers per block", min=1)
    augmentation: str = dl.flag("translate", "changes of training images, joined by commas (empty: none)")

    # DenseNet-BC-100 with growth 12 (Huang et al. 2017, table 2) and a ResNet-50 of 12 features, on CIFAR-10.
    PAPER = {"dataset": "cifar10", "sizes": (12,), "depth": 8, "augmentation": "crop,flip", "steps": 234_000}
    TINY = {"sizes": (2,)}


def networks(config: Config, classes: int) -> dict[str, nn.Module]:
    found: dict[str, nn.Module] = {}
    for size in config.sizes:
        found[f"densenet_{size}"] = DenseNet(classes, (2 * config.depth,) * 3, size, small_stem=True)
        found[f"resnet_{size}"] = ResNet(classes, (config.depth,) * 3, False, size, small_stem=True)
    return found


def classify(model: nn.Module, batch: dl.Batch, augmentation: str) -> dl.Losses:
    image = augment(augmentation, model.make_rng("noise"), batch["image"])
    return cross_entropy(model(image, train=True), batch["label"])  # type: ignore[operator]


def gradient_norms(model: nn.Module, batch: dl.Batch) -> dict[str, jax.Array]:
    """{layer: ‖∂L/∂W‖ / ‖W‖}, with fixed statistics of batch norm."""
    net, variables = model.unbind()

    def loss(params: Any) -> jax.Array:
        logits: Any = net.apply({**variables, "params": params}, batch["image"])
        return cross_entropy(logits, batch["label"])[0]

    return relative_norms(jax.grad(loss)(variables["params"]), variables["params"])


def measure(trained: dl.Trained, dataset: Dataset) -> dl.Measured:
    """One network's row, with the norms of its gradients from the first convolution to the last, without
    shortcuts."""
    test = dataset.test.arrays()
    table = anatomy(trained.model, jax.ShapeDtypeStruct((1, *test["image"].shape[1:]), jnp.float32))
    norms = trained(gradient_norms, {key: test[key][:EXAMPLES] for key in ("image", "label")})
    path = [layer for layer in table.layers if layer.kind == "Conv" and "downsample" not in layer.name]
    flow = [float(norms[layer.name]) for layer in path]
    metrics = {
        "accuracy": trained.mean(classification, test)["accuracy"],
        "parameters": table.parameters,
        "multiply_adds": table.multiply_adds,
    }
    if flow[-1]:  # a single class has no gradient
        metrics["first_to_last_gradient"] = flow[0] / flow[-1]
    return dl.Measured(metrics, {"flow": flow})


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    rows = {name: measure(trained[name], dataset) for name in trained.rivals}
    gains = {
        f"gain_{size}": rows[f"densenet_{size}"].metrics["accuracy"] - rows[f"resnet_{size}"].metrics["accuracy"]
        for size in trained.config.sizes
    }
    return {dl.OURS: dl.Measured(gains), **rows}


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    batch = dataset.train.arrays(EXAMPLES)
    nets = {name: (trained[name].model, trained[name].variables) for name in trained.rivals}
    return gradient_costs(nets, batch["image"], batch["label"]) | classical(dataset)


def figures(report: dl.Report) -> dict[str, Any]:
    def accuracy() -> Any:
        lines = {}
        for family, name in FAMILIES.items():
            rows = [f"{name}_{size}" for size in report.config.sizes]
            found = [mean_and_standard_error(report.each(row, "accuracy")) for row in rows]
            mean, error = np.array([[mean, error or 0.0] for mean, error in found]).T
            lines[family] = [report.rows[row].metrics["parameters"] for row in rows], mean, error
        return curves(lines, "parameters", "accuracy on the test split", log_x=True)

    def gradient_flow() -> Any:
        flows = {name: report.rows[name].arrays["flow"] for name in report.trained.rivals}
        lines = {name: (np.linspace(0, 1, len(flow)), flow) for name, flow in flows.items()}
        place = "place of the convolution, from image (0) to logits (1)"
        return curves(lines, place, "norm of the gradient / norm of the weights", log_y=True)

    return {"accuracy": accuracy, "gradient_flow": gradient_flow}


def claim(size: int) -> dl.Claim:
    sentence = f"DenseNet of growth {size} is more accurate than ResNet of as many parameters"
    return dl.Claim(sentence, f"densenet_{size}", f"resnet_{size}", "accuracy")


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset.need_labelled_images("this experiment classifies images")
    loss = partial(classify, augmentation=config.augmentation)
    stage = dl.Stage([dl.Turn(loss)], config.chain(), config.steps)
    return dl.side_by_side(
        {name: dl.Rival(net, [stage]) for name, net in networks(config, len(dataset.classes)).items()},
        data=dataset,
        evaluate=evaluate,
        baselines=baselines,
        figures=figures,
        claims=[claim(size) for size in config.sizes],
    )


if __name__ == "__main__":
    dl.launch(Config, build)
