"""Regularisation at five data sizes: none, L1, L2, dropout, DropConnect.

    python -m experiments.foundations.regularization --replicas=5

One hidden layer of ReLU. L1 is a proximal step, so weights become exactly zero; L2 shrinks them; dropout
(Srivastava et al. 2014) drops hidden units; DropConnect (Wan et al. 2013) drops the hidden layer's single weights,
a mask for each example, and at test time takes the Gaussian of the same moments through the ReLU, in closed form.
Every method has a grid of strengths for each data size, trained side by side; validation loss chooses. The smaller
sets lie within the larger ones and are the same for all seeds. Measured on the chosen networks: test accuracy at
each size; the gap between training and test accuracy and the share of weights that are exactly zero, both averaged
over the sizes. Baselines: scikit-learn's logistic regression with L1 and with L2.

Five seeds, 3.5 minutes: none of the four is more accurate than no regularisation, averaged over the sizes, by more
than two standard errors (each difference below .002); L1 sets .14 ± .04 of the weights to zero.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from deeplearn.baselines.classical import best_of, labelled
from deeplearn.data import Dataset
from deeplearn.data.subsets import nested, side_by_side
from deeplearn.figures.plots import curves
from deeplearn.losses.classification import cross_entropy
from deeplearn.metrics.statistics import mean_and_standard_error
from deeplearn.metrics.verdict import verdict
from deeplearn.models.population import Population
from deeplearn.nn.dropconnect import masked_dense, masked_moments, rectified_mean
from deeplearn.optim import optimizer
from deeplearn.optim.members import per_member
from deeplearn.optim.penalties import fraction_of_zeros, kernels, proximal_l1
from deeplearn.train import Batch, Experiment, Metrics, Rivals, Stage, Trained, flag, launch, rival_turns
from deeplearn.train import Config as BaseConfig

STRENGTHS = {
    "none": (0.0,),
    "l1": (1e-4, 3e-4, 1e-3, 3e-3),
    "l2": (1e-4, 1e-3, 1e-2, 3e-2),
    "dropout": (0.2, 0.5, 0.8),
    "dropconnect": (0.2, 0.5, 0.8),
}
SHARES = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1)  # of the training images
MOST = 10_000  # training images; each is held once for every data size
MOMENTUM = 0.9


@dataclasses.dataclass(frozen=True)
class Config(BaseConfig):
    steps: int = 800
    batch_size: int = 16
    width: int = flag(64, "hidden units", min=1)
    learning_rate: float = flag(0.02, "step of gradient descent with momentum .9", min=0)

    # A hidden layer of Wan et al. 2013, section 6.1 (they have two of 800), batches of 128.
    PAPER: ClassVar[dict[str, Any]] = {"dataset": "mnist", "width": 800, "batch_size": 128, "steps": 50_000}
    TINY: ClassVar[dict[str, Any]] = {"width": 4}


def members(method: str) -> tuple[np.ndarray, np.ndarray]:
    """(index of the data size, strength) of each member: for each size every strength."""
    strengths = np.array(STRENGTHS[method], np.float32)
    return np.repeat(np.arange(len(SHARES)), len(strengths)), np.tile(strengths, len(SHARES))


class Network(nn.Module):
    """x [batch, ...], strength [] -> logits [batch, outputs]. A strength of dropout or DropConnect is a rate."""

    method: str
    width: int
    outputs: int

    @nn.compact
    def __call__(self, x: jax.Array, strength: jax.Array, train: bool) -> jax.Array:
        x, keep = x.reshape(len(x), -1), 1 - strength
        kernel = self.param("kernel", nn.initializers.he_normal(), (x.shape[-1], self.width))
        bias = self.param("bias", nn.initializers.zeros, (self.width,))
        if self.method == "dropconnect" and train:
            h = nn.relu(masked_dense(self.make_rng("noise"), x, kernel, bias, keep))
        elif self.method == "dropconnect":
            h = rectified_mean(*masked_moments(x, kernel, bias, keep))
        else:
            h = nn.relu(x @ kernel + bias)
        if self.method == "dropout" and train:
            h = jnp.where(jax.random.bernoulli(self.make_rng("noise"), keep, h.shape), h / keep, 0)
        return nn.Dense(self.outputs)(h)


def descent(strength: jax.Array, method: str, rate: float) -> optax.GradientTransformation:
    base = optimizer("momentum", rate, momentum=MOMENTUM)
    if method == "l1":
        # `optimizer` takes no traced penalty; the reach of momentum is 1 / (1 − momentum), as there.
        def reach(state: Any, count: Any, params: Any) -> Any:
            return jax.tree.map(lambda w: jnp.full_like(w, 1 / (1 - MOMENTUM)), params)

        return proximal_l1(base, optax.constant_schedule(rate), strength, reach)
    if method == "l2":
        return optax.chain(optax.add_decayed_weights(strength, kernels), base)
    return base


def learn(model: Rivals, batch: Batch, network: str) -> tuple[jax.Array, Metrics]:
    sizes, strengths = members(network)
    x, label = (jnp.moveaxis(batch[key], 1, 0)[sizes] for key in ("image", "label"))  # [members, batch, ...]
    loss, metrics = jax.vmap(cross_entropy)(model[network](x, strengths, train=True), label)
    return loss.sum(), {"best_loss": loss.min(), "best_accuracy": metrics["accuracy"].max()}


def predictions(model: Rivals, batch: Batch, network: str) -> tuple[jax.Array, jax.Array]:
    """Loss and hit of each member on images that all share: two of [batch, members]."""
    _, strengths = members(network)
    x = jnp.broadcast_to(batch["image"], (len(strengths), *batch["image"].shape))
    logits = model[network](x, strengths, train=False).swapaxes(0, 1)
    label = jnp.broadcast_to(batch["label"][:, None], logits.shape[:2])
    return optax.softmax_cross_entropy_with_integer_labels(logits, label), logits.argmax(-1) == label


def table(trained: Trained, dataset: Dataset, method: str) -> dict[str, np.ndarray]:
    """{"accuracy", "gap", "zeros", "strength"} [sizes] of the networks that validation loss chooses."""
    columns = dataset.train.arrays(MOST)
    order, sizes = nested(len(columns["label"]), SHARES)
    train = {key: columns[key][order] for key in ("image", "label")}

    def on(rows: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Losses and hits [examples, sizes, strengths]."""
        found = trained.over(predictions, {key: rows[key] for key in ("image", "label")}, network=method)
        return [values.reshape(len(values), len(sizes), -1) for values in found]

    best, each = on(dataset.validation.arrays())[0].mean(0).argmin(1), np.arange(len(sizes))
    test, hits = on(dataset.test.arrays())[1].mean(0), on(train)[1]
    seen = np.stack([hits[:size, index].mean(0) for index, size in enumerate(sizes)])
    return {
        "accuracy": test[each, best],
        "gap": (seen - test)[each, best],
        "zeros": fraction_of_zeros(trained.variables["params"][method]).reshape(len(sizes), -1)[each, best],
        "strength": np.array(STRENGTHS[method])[best],
    }


def evaluate(trained: Trained, dataset: Dataset, sizes: Sequence[int]) -> dict[str, Any]:
    rows = {}
    for method in STRENGTHS:
        found = table(trained, dataset, method)
        by_size = {f"accuracy_{n}": float(a) for n, a in zip(sizes, found["accuracy"], strict=True)}
        rows[method] = {**by_size, "gap": float(found["gap"].mean()), "exact_zeros": float(found["zeros"].mean())}
    return {**rows["none"], **{method: row for method, row in rows.items() if method != "none"}}


def conclude(replicas: Sequence[Mapping[str, Any]], sizes: Sequence[int]) -> dict[str, Any]:
    """What each method gains over none: paired over replicas, at each size and averaged over them."""
    sentences, series = {}, {"none": (sizes, [0.0] * len(sizes))}
    for method in list(STRENGTHS)[1:]:
        gains = np.array([[row[method][f"accuracy_{n}"] - row[f"accuracy_{n}"] for n in sizes] for row in replicas])
        by_size = [mean_and_standard_error(column) for column in gains.T]
        series[method] = (sizes, [mean for mean, _ in by_size], [error or 0.0 for _, error in by_size])
        sentences[f"{method} is more accurate than none, over the five sizes"] = verdict(gains.mean(1))
    return {
        **sentences,
        "gain": curves(series, "training images", "gain in test accuracy over none, ± error", log_x=True),
    }


def baselines(trained: Trained, dataset: Dataset) -> dict[str, Any]:
    from sklearn.linear_model import LogisticRegression

    x, label = labelled(dataset.train, MOST)
    validation, test = labelled(dataset.validation), labelled(dataset.test)
    order, sizes = nested(len(label), SHARES)
    rows: dict[str, Any] = {}
    for name, share in {"L1": 1.0, "L2": 0.0}.items():
        row = rows.setdefault(f"logistic regression, {name}", {})
        for size in sizes[:4]:  # a large set takes liblinear and SAGA minutes
            chosen = order[:size]
            settings = [
                LogisticRegression(l1_ratio=share, C=c, solver="saga", max_iter=200) for c in (0.1, 1.0, 10.0)
            ]
            best = best_of(settings, (x[chosen], label[chosen]), validation)
            row[f"accuracy_{size}"] = best.score(*test)
    return rows


def draw(trained: Trained, dataset: Dataset, sizes: Sequence[int]) -> dict[str, Any]:
    found = {method: table(trained, dataset, method) for method in STRENGTHS}
    sparsity = fraction_of_zeros(trained.variables["params"]["l1"]).reshape(len(sizes), -1)
    return {
        "accuracy": curves(
            {name: (sizes, row["accuracy"]) for name, row in found.items()},
            "training images",
            "test accuracy",
            log_x=True,
        ),
        "gap": curves(
            {name: (sizes, row["gap"]) for name, row in found.items()},
            "training images",
            "training accuracy − test accuracy",
            log_x=True,
        ),
        "zeros_under_l1": curves(
            {f"{n} images": (STRENGTHS["l1"], row) for n, row in zip(sizes, sparsity, strict=True)},
            "strength of L1",
            "share of weights that are exactly zero",
            log_x=True,
        ),
    }


def build(config: Config, dataset: Dataset) -> Experiment:
    dataset.need_labelled_images("this experiment classifies images")
    columns = dataset.train.arrays(MOST)
    order, sizes = nested(len(columns["label"]), SHARES)
    data = side_by_side(columns, order, sizes)
    shape = {"width": config.width, "outputs": len(dataset.classes)}
    makers = {
        method: partial(Population, partial(Network, method, **shape), len(members(method)[1]), own_inputs=True)
        for method in STRENGTHS
    }
    optimizers = {
        method: per_member(partial(descent, method=method, rate=config.learning_rate), members(method)[1])
        for method in STRENGTHS
    }
    return Experiment(
        model=Rivals(makers),
        stages=[Stage(rival_turns(learn, STRENGTHS), optimizers, config.steps, data=data)],
        data=dataset,
        evaluate=partial(evaluate, sizes=sizes),
        baselines=baselines,
        figures=partial(draw, sizes=sizes),
        conclude=partial(conclude, sizes=sizes),
        dense=True,
        watch=("none/best_accuracy", "dropout/best_accuracy"),
    )


if __name__ == "__main__":
    launch(Config, build)
