"""Backpropagation written by hand, against automatic differentiation.

    python -m experiments.foundations.backpropagation --replicas=5

Rumelhart, Hinton & Williams 1986: the error of a layer is the error of the layer above, through its weights and
times the slope of the activation; w ← w − η ∂L/∂w. `backward` is exactly that. It is the gradient rule
(`jax.custom_vjp`) of one of two networks with the same initial weights and the same batches; the other leaves it
to JAX. Measured, in decimal digits that agree (−log₁₀ of the relative distance): the gradient with JAX's and with
finite differences, in double precision, and the two networks' weights after training, in single. Baselines:
logistic regression, scikit-learn's MLP of the same layers.
"""

import dataclasses
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree

from deeplearn import train as dl
from deeplearn.baselines.classical import estimator, fitted
from deeplearn.data import Dataset
from deeplearn.figures.contrast import red_and_blue, square
from deeplearn.figures.grid import image_grid
from deeplearn.figures.plots import curves
from deeplearn.losses.classification import cross_entropy
from deeplearn.metrics.gradients import central_differences, relative_distance
from deeplearn.nn.functional import flat
from deeplearn.optim import optimizer

Weights = tuple[tuple[jax.Array, jax.Array], ...]  # kernel [in, out] and bias [out] of each layer
WIDTHS_OF_STEP = np.logspace(-8, 0, 17)  # of finite differences


@dataclasses.dataclass(frozen=True)
class Config(dl.Config):
    steps: int = 2000
    batch_size: int = 32
    hidden: tuple[int, ...] = dl.flag((64, 64), "widths of the sigmoid layers", min=1)
    learning_rate: float = dl.flag(0.1, "step of gradient descent with momentum .9", min=0)

    # LeNet-300-100 (LeCun et al. 1998, section III-B).
    PAPER = {"dataset": "mnist", "hidden": (300, 100), "steps": 20_000}
    TINY = {"hidden": (4, 4)}


def forward(weights: Weights, x: jax.Array) -> list[jax.Array]:
    """The output of each layer: the input [B, pixels], h = σ(h W + b) of the hidden layers, the logits."""
    layers = [x]
    for number, (kernel, bias) in enumerate(weights):
        z = layers[-1] @ kernel + bias
        layers.append(z if number == len(weights) - 1 else jax.nn.sigmoid(z))
    return layers


def backward(weights: Weights, layers: list[jax.Array], label: jax.Array) -> tuple[Weights, list[jax.Array]]:
    """(∂L/∂weights, ∂L/∂z of each layer) of the mean cross-entropy; the first error is ∂L/∂input."""
    classes = layers[-1].shape[-1]
    error = (jax.nn.softmax(layers[-1]) - jax.nn.one_hot(label, classes, dtype=layers[-1].dtype)) / len(label)
    gradients: list[tuple[jax.Array, jax.Array]] = []
    errors = [error]
    for number in reversed(range(len(weights))):
        below = layers[number]
        gradients.insert(0, (below.T @ error, error.sum(0)))
        error = error @ weights[number][0].T
        if number:
            error = error * below * (1 - below)  # σ' = σ (1 − σ)
        errors.insert(0, error)
    return tuple(gradients), errors


def mean_cross_entropy(logits: jax.Array, label: jax.Array) -> jax.Array:
    # The library's loss is always in single precision, too coarse for finite differences.
    return optax.softmax_cross_entropy_with_integer_labels(logits, label).mean()


def loss_by_jax(weights: Weights, x: jax.Array, label: jax.Array) -> jax.Array:
    return mean_cross_entropy(forward(weights, x)[-1], label)


@jax.custom_vjp
def loss_by_hand(weights: Weights, x: jax.Array, label: jax.Array) -> jax.Array:
    return loss_by_jax(weights, x, label)


def _keep_layers(weights: Weights, x: jax.Array, label: jax.Array) -> Any:
    layers = forward(weights, x)
    return mean_cross_entropy(layers[-1], label), (weights, layers, label)


def _hand_back(kept: Any, slope: jax.Array) -> Any:
    gradients, errors = backward(*kept)
    return jax.tree.map(lambda g: slope * g, gradients), slope * errors[0], None  # labels have no gradient


loss_by_hand.defvjp(_keep_layers, _hand_back)


class Twins(nn.Module):
    """Two networks with the same initial weights: kernels [2, in, out], biases [2, out].

    Twin 0 is differentiated by hand, twin 1 by JAX.
    """

    widths: tuple[int, ...]

    def setup(self) -> None:
        def twice(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
            return jnp.stack([nn.initializers.glorot_uniform()(key, shape)] * 2)

        self.weights = tuple(
            (
                self.param(f"kernel_{number}", twice, shape),
                self.param(f"bias_{number}", nn.initializers.zeros, (2, shape[1])),
            )
            for number, shape in enumerate(zip(self.widths[:-1], self.widths[1:], strict=True))
        )

    def twin(self, number: int) -> Weights:
        return jax.tree.map(lambda w: w[number], self.weights)


def classify(twins: Twins, batch: dl.Batch) -> dl.Losses:
    x, label = flat(batch["image"]), batch["label"]
    by_hand, by_jax = loss_by_hand(twins.twin(0), x, label), loss_by_jax(twins.twin(1), x, label)
    return by_hand + by_jax, {"by_hand": by_hand, "by_jax": by_jax}


def score(twins: Twins, batch: dl.Batch, number: int) -> dl.Metrics:
    loss, metrics = cross_entropy(forward(twins.twin(number), flat(batch["image"]))[-1], batch["label"])
    return {"loss": loss, **metrics}


def score_by_hand(twins: Twins, batch: dl.Batch) -> dl.Metrics:
    return score(twins, batch, 0)


def score_by_jax(twins: Twins, batch: dl.Batch) -> dl.Metrics:
    return score(twins, batch, 1)


@jax.jit
def both_gradients(weights: Weights, x: jax.Array, label: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The gradient by hand and by JAX, each one vector."""
    by_hand, _ = backward(weights, forward(weights, x), label)
    return ravel_pytree(by_hand)[0], ravel_pytree(jax.grad(loss_by_jax)(weights, x, label))[0]


def checks(weights: Weights, dataset: Dataset, dtype: Any, h: float) -> tuple[float, float]:
    """The hand-written gradient's relative distance from JAX's, and from central differences at 200 weights."""
    test = dataset.test.arrays(100)
    with jax.enable_x64(True):
        weights, x = jax.tree.map(lambda w: jnp.asarray(w, dtype), (weights, flat(test["image"])))
        by_hand, by_jax = map(np.asarray, both_gradients(weights, x, test["label"]))
        chosen = np.random.default_rng(0).permutation(by_hand.size)[:200]
        differences = central_differences(loss_by_jax, weights, chosen, jnp.asarray(h, dtype), x, test["label"])
        return relative_distance(by_hand, by_jax), relative_distance(differences, by_hand[chosen])


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    test = dataset.test.arrays()
    by_hand, by_jax = (trained(Twins.twin, number=number) for number in (0, 1))
    apart = dict(zip(("autodiff", "differences"), checks(by_hand, dataset, np.float64, 1e-4), strict=True))
    vectors = (np.asarray(ravel_pytree(weights)[0]) for weights in (by_hand, by_jax))
    apart["weights"] = relative_distance(*vectors)
    digits = {f"digits_{name}": -np.log10(max(distance, 1e-17)) for name, distance in apart.items()}
    rows = dl.ours({**trained.mean(score_by_hand, test), **digits}, weights=by_hand)
    return {**rows, "differentiated by JAX": dl.Measured(trained.mean(score_by_jax, test))}


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    settings = {"activation": "logistic", "max_iter": 300, "random_state": 0}
    models = {
        "scikit-learn's MLP": estimator("MLPClassifier", hidden_layer_sizes=trained.config.hidden, **settings),
        "logistic regression": estimator("LogisticRegression", max_iter=1000),
    }
    return fitted(dataset, models)


def error_flowing_back(weights: Weights, dataset: Dataset) -> Any:
    """The images with the least probable labels, and their errors layer by layer, red > 0, blue < 0."""
    test, size = dataset.test.arrays(1000), 112
    layers = forward(weights, flat(test["image"]))
    log_probability = np.asarray(jax.nn.log_softmax(layers[-1]))[np.arange(len(test["label"])), test["label"]]
    hardest = np.argsort(log_probability)[:8]
    _, errors = backward(weights, [layer[hardest] for layer in layers], jnp.asarray(test["label"][hardest]))
    hidden = [f"error of layer {number}" for number in range(1, len(errors) - 1)]
    rows = {"the hardest images": [np.repeat(square(x, size)[..., None], 3, -1) for x in layers[0][hardest]]}
    for name, error in reversed(list(zip(("error of pixels", *hidden, "error of logits"), errors, strict=True))):
        rows[name] = [red_and_blue(square(values, size)) for values in np.asarray(error)]
    return image_grid(np.array(list(rows.values())), scale=1, row_labels=list(rows))


def figures(report: dl.Report) -> dict[str, Any]:
    weights, dataset = report.ours.arrays["weights"], report.dataset

    def finite_differences() -> Any:
        series = {
            name: (WIDTHS_OF_STEP, [checks(weights, dataset, dtype, h)[1] for h in WIDTHS_OF_STEP])
            for name, dtype in {"single precision": np.float32, "double precision": np.float64}.items()
        }
        x, y = "step of the finite difference", "relative distance from backpropagation"
        return curves(series, x, y, log_x=True, log_y=True)

    return {
        "error_flowing_back": lambda: error_flowing_back(weights, dataset),
        "finite_differences": finite_differences,
    }


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset.need_labelled_images("this experiment classifies images")
    pixels = int(np.prod(dataset.train.spec["image"].shape))
    return dl.Experiment(
        model=Twins((pixels, *config.hidden, len(dataset.classes))),
        stages=[dl.Stage([dl.Turn(classify)], optimizer("momentum", config.learning_rate), config.steps)],
        data=dataset,
        evaluate=evaluate,
        validate=score_by_hand,
        best="accuracy",
        baselines=baselines,
        figures=figures,
    )


if __name__ == "__main__":
    dl.launch(Config, build)
