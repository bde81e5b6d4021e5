"""The vanishing gradient: eight sigmoid layers that cannot learn, and what cures them.

    python -m experiments.foundations.vanishing_gradients --replicas=5

A sigmoid's slope is at most a quarter, so each layer below hands on less of the error (Hochreiter 1991; Glorot &
Bengio 2010). Every rival has the same layers, data and optimiser; what differs is its name: the activation (with
its own initialisation), wider initial weights, batch normalisation, or skip connections. Measured: the norm of the
gradient of each layer's kernel before training, the first layer's over the last's, and test accuracy. Baselines:
scikit-learn's MLP of the same layers with sigmoid and with ReLU, logistic regression.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import partial
from typing import Any

import flax.linen as nn
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
from deeplearn.nn.activations import by_name, initializer_for
from deeplearn.nn.batch_norm import BatchNorm

RIVALS: dict[str, dict[str, Any]] = {
    "sigmoid": {"activation": "sigmoid"},
    "tanh": {"activation": "tanh"},
    "relu": {"activation": "relu"},
    "elu": {"activation": "elu"},
    "selu": {"activation": "selu"},
    "wide_sigmoid": {"activation": "sigmoid", "wide": True},
    "normed_sigmoid": {"activation": "sigmoid", "norm": True},
    "skipping_sigmoid": {"activation": "sigmoid", "skip": True},
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


class Deep(nn.Module):
    """`depth` layers x ← f(Wx + b), then a linear one. [batch, ...] -> [batch, outputs].

    wide: the sigmoid's initial weights four times as wide, as Glorot & Bengio propose; it has plain Glorot weights
    otherwise. norm: batch normalisation before f. skip: x ← x + f(Wx + b) wherever shapes agree.
    """

    activation: str
    depth: int
    width: int
    outputs: int
    wide: bool = False
    norm: bool = False
    skip: bool = False

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        plain = self.activation == "sigmoid" and not self.wide
        init = nn.initializers.glorot_uniform() if plain else initializer_for(self.activation)
        x = x.reshape(len(x), -1)
        for number in range(self.depth):
            z = nn.Dense(self.width, use_bias=not self.norm, kernel_init=init, name=f"hidden_{number}")(x)
            z = BatchNorm()(z, train) if self.norm else z
            h = by_name(self.activation)(z)
            x = x + h if self.skip and number else h
        return nn.Dense(self.outputs, name="logits")(x)


def classify(network: Deep, batch: dl.Batch, steps: int) -> dl.Losses:
    loss, metrics = cross_entropy(network(batch["image"], train=True), batch["label"])
    record(network, "loss", loss, batch["step"], steps)
    return loss, metrics


def gradient_norms(network: Deep, variables: Mapping[str, Any], image: jax.Array, label: jax.Array) -> jax.Array:
    """‖∂L/∂W‖ of each layer's kernel [depth + 1], from the input up, in training mode."""

    def loss(params: Any) -> jax.Array:
        logits, _ = network.apply({**variables, "params": params}, image, train=True, mutable=["batch_stats"])
        return cross_entropy(logits, label)[0]

    gradients = jax.grad(loss)(variables["params"])
    layers = [*(f"hidden_{number}" for number in range(network.depth)), "logits"]
    return jnp.stack([jnp.linalg.norm(gradients[layer]["kernel"]) for layer in layers])


@partial(jax.jit, static_argnums=0)
def norms_at_start(network: Deep, key: jax.Array, image: jax.Array, label: jax.Array) -> jax.Array:
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
    shape = {"depth": config.depth, "width": config.width, "outputs": len(dataset.classes)}
    rivals = {name: dl.Rival(Deep(**shape, **facts), [stage], evaluate) for name, facts in RIVALS.items()}
    return dl.side_by_side(rivals, data=dataset, baselines=baselines, figures=figures, claims=CLAIMS)


if __name__ == "__main__":
    dl.launch(Config, build)
