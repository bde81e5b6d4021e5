"""The vanishing gradient: eight sigmoid layers that cannot learn, and remedies.

    python -m experiments.foundations.vanishing_gradients --replicas=5

A sigmoid's slope is at most a quarter, so each layer below receives less of the error (Hochreiter 1991; Glorot &
Bengio 2010). Every rival has the same layers, data and optimiser; its name says what differs: the activation (with
its own initialisation), wider initial weights, batch normalisation, or skip connections. Measured: the norm of the
gradient of each layer's kernel before training, the first layer's over the last's, and test accuracy. Baselines:
scikit-learn's MLP of the same layers with sigmoid and with ReLU, logistic regression.
"""

import dataclasses
from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from deeplearn import train as dl
from deeplearn.baselines.classical import estimator, fitted
from deeplearn.data import Dataset
from deeplearn.figures.plots import bars, curves
from deeplearn.losses.classification import classification, cross_entropy
from deeplearn.metrics.history import record, recorded
from deeplearn.models.deep_mlp import DeepMLP

RIVALS: dict[str, dict[str, Any]] = {
    "sigmoid": {"activation": "sigmoid", "plain": True},
    "tanh": {"activation": "tanh"},
    "relu": {"activation": "relu"},
    "elu": {"activation": "elu"},
    "selu": {"activation": "selu"},
    "wide_sigmoid": {"activation": "sigmoid"},  # initial weights four times as wide
    "normed_sigmoid": {"activation": "sigmoid", "plain": True, "norm": True},
    "skipping_sigmoid": {"activation": "sigmoid", "plain": True, "skip": True},
}
FIRST = "sigmoid"  # the row of the experiment itself


@dataclasses.dataclass(frozen=True)
class Config(dl.Config):
    steps: int = 800
    batch_size: int = 64
    depth: int = dl.flag(8, "hidden layers", min=2)
    width: int = dl.flag(32, "units of each", min=1)
    learning_rate: float = dl.flag(1e-3, "Adam's rate", min=0)

    # Glorot & Bengio 2010, section 2.3: up to five layers of 1,000 units, batches of 10.
    PAPER = {"dataset": "mnist", "depth": 5, "width": 1000, "batch_size": 10, "steps": 100_000}
    TINY = {"depth": 2, "width": 4}


def classify(network: DeepMLP, batch: dl.Batch, steps: int) -> dl.Losses:
    loss, metrics = cross_entropy(network(batch["image"], train=True), batch["label"])
    record(network, "loss", loss, batch["step"], steps)
    return loss, metrics


def gradient_norms(network: DeepMLP, variables: Mapping[str, Any], image: jax.Array, label: jax.Array) -> jax.Array:
    """‖∂L/∂W‖ of each layer's kernel [depth + 1], from the input up, in training mode."""

    def loss(params: Any) -> jax.Array:
        logits, _ = network.apply({**variables, "params": params}, image, train=True, mutable=["batch_stats"])
        return cross_entropy(logits, label)[0]

    gradients = jax.grad(loss)(variables["params"])
    layers = [*(f"hidden_{number}" for number in range(len(network.hidden))), "logits"]
    return jnp.stack([jnp.linalg.norm(gradients[layer]["kernel"]) for layer in layers])


@partial(jax.jit, static_argnums=0)
def norms_at_start(network: DeepMLP, key: jax.Array, image: jax.Array, label: jax.Array) -> jax.Array:
    """As `gradient_norms`, with fresh initial weights."""
    return gradient_norms(network, network.init(key, image), image, label)


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    batch = dataset.train.arrays(500)
    norms = norms_at_start(trained.model, trained.key, batch["image"], batch["label"])
    norms = np.maximum(np.asarray(norms, np.float64), 1e-30)  # a single class has no gradient
    steps, loss = recorded(trained.variables, "loss", trained.config.steps)
    metrics = {
        **trained.mean(classification, dataset.test.arrays()),
        "log10_first_over_last": np.log10(norms[0] / norms[-1]),
    }
    return dl.ours(metrics, norms=(np.arange(1, len(norms) + 1), norms), loss=(steps, loss[:, 0]))


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    hidden = (trained.config.width,) * trained.config.depth
    models = {
        "scikit-learn's MLP, sigmoid": estimator(
            "MLPClassifier", hidden_layer_sizes=hidden, activation="logistic", random_state=0
        ),
        "scikit-learn's MLP, ReLU": estimator("MLPClassifier", hidden_layer_sizes=hidden, random_state=0),
        "logistic regression": estimator("LogisticRegression", max_iter=300),
    }
    return fitted(dataset, models, limit=5000)


def figures(report: dl.Report) -> dict[str, Any]:
    rows = report.beside(FIRST)
    norms = {name: row.arrays["norms"] for name, row in rows.items()}
    losses = {name: row.arrays["loss"] for name, row in rows.items()}
    layer = "layer, from the input to the logits"
    return {
        "accuracy": lambda: bars(report.spread("accuracy", FIRST), "test accuracy"),
        "gradients_before_training": lambda: curves(norms, layer, "norm of the gradient", log_y=True),
        "loss": lambda: curves(losses, "steps", "training loss, nats", log_y=True),
    }


CLAIMS = [
    dl.Claim(f"{name} is more accurate than {FIRST}", name, dl.OURS, "accuracy") for name in RIVALS if name != FIRST
]


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset.need_labelled_images("this experiment classifies images")
    turn = dl.Turn(partial(classify, steps=config.steps))
    stage = dl.Stage([turn], optax.adam(config.learning_rate), config.steps)
    hidden, outputs = (config.width,) * config.depth, len(dataset.classes)
    rivals = {
        name: dl.Rival(DeepMLP(hidden=hidden, outputs=outputs, **facts), [stage], evaluate)
        for name, facts in RIVALS.items()
    }
    return dl.side_by_side(rivals, data=dataset, baselines=baselines, figures=figures, claims=CLAIMS)


if __name__ == "__main__":
    dl.launch(Config, build)
