"""A deep belief net: machines stacked greedily, fine-tuned by up-down to generate and by few labels to classify.

    python -m experiments.representations.deep_belief_net --replicas=5

Hinton, Osindero & Teh 2006, without labels in the top machine. A stage for each machine, on samples of the hidden
units below, which its stage does not train; one of up-down, which unties the weights of the upward and the downward
pass; one of fine-tuning on few labels, from the greedy stack and from scratch on the same draw. `nll` in nats is an
importance weighted bound with samples of the upward pass (Salakhutdinov & Murray 2008), beside that of the stack
before up-down and of its lowest machine alone. Samples are drawn by Gibbs sampling in the top machine, then down.

Measured on binarised digits, five seeds, 99 s on one core: 17.61 ± .01 nats, before up-down 17.74 ± .01, the lowest
machine alone 17.90 ± .01 (mixture of 50 Bernoullis 17.61). At 1, 5, 10 and 50 labels a class .650, .833, .890 and
.933; from scratch .606, .823, .875 and .953: a clear gain at one (+.043 ± .007, paired), a clear loss at fifty.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from deeplearn.baselines import bernoulli_mixture
from deeplearn.baselines.few_labels import scikit_learn_accuracies
from deeplearn.data import Arrays, Dataset
from deeplearn.data.pool import balanced_pool
from deeplearn.errors import UserError
from deeplearn.figures.contrast import around_grey
from deeplearn.figures.grid import image_grid
from deeplearn.figures.plots import curves
from deeplearn.losses.contrastive_divergence import contrastive_divergence
from deeplearn.losses.few_labels import fine_tune, from_scratch
from deeplearn.losses.up_down import up_down
from deeplearn.metrics.bounds import importance_weighted_bound
from deeplearn.metrics.few_labels import accuracies, series, validate, verdicts
from deeplearn.metrics.partition_function import Weights, annealed_log_partition, free_energy, mean_log_odds
from deeplearn.metrics.statistics import mean_and_standard_error
from deeplearn.models.deep_belief_net import DeepBeliefNet, Untying, log_weights, sample, stacked
from deeplearn.models.rbm import RBM
from deeplearn.models.warm_start import FewLabelClassifiers
from deeplearn.nn.few_labels import FewLabels
from deeplearn.nn.sigmoid_belief import Layer, sampled_pass
from deeplearn.optim import optimizer
from deeplearn.train import Batch, Experiment, Metrics, Stage, Trained, Turn, flag, launch
from deeplearn.train import Config as BaseConfig

GREEDY, MACHINE = "before up-down", "its lowest machine alone"
SCRATCH, SCIKIT = "the same net from scratch", "scikit-learn's MLP from scratch"


@dataclasses.dataclass(frozen=True)
class Config(BaseConfig):
    steps: int = flag(4000, "steps to train each machine", min=1)
    batch_size: int = 64
    hidden: tuple[int, ...] = flag((100, 100), "widths of the hidden layers; the last is the top machine's")
    gibbs: int = flag(1, "Gibbs steps k of contrastive divergence", min=1)
    learning_rate: float = flag(0.05, "step size in pretraining; falls to 0 along a line", min=0)
    momentum: float = flag(0.5, "momentum", min=0, max=0.99)
    decay: float = flag(1e-4, "weight decay", min=0)
    up_down_steps: int = flag(2000, "steps of up-down", min=1)
    up_down_rate: float = flag(0.01, "step size in up-down; falls to 0 along a line", min=0)
    labels: tuple[int, ...] = flag(
        (1, 5, 10, 50), "labels a class (or all, if there are fewer), each a net of its own"
    )
    tuning_steps: int = flag(300, "steps of fine-tuning with labels", min=1)
    tuning_rate: float = flag(3e-3, "Adam's rate there", min=0)
    scratch_rate: float = flag(1e-2, "Adam's rate for the net from scratch", min=0)
    temperatures: int = flag(2000, "steps of annealed importance sampling", min=10)
    samples: int = flag(100, "samples of the posterior for each image's likelihood", min=1)

    # Hinton, Osindero & Teh 2006, figure 1, without the labels in the top machine.
    PAPER: ClassVar[dict[str, Any]] = {
        "dataset": "mnist",
        "hidden": (500, 500, 2000),
        "batch_size": 10,
        "steps": 180_000,
        "up_down_steps": 1_800_000,
        "temperatures": 14_500,
    }
    TINY: ClassVar[dict[str, Any]] = {
        "hidden": (6, 4),
        "labels": (1, 2),
        "up_down_steps": 2,
        "tuning_steps": 2,
        "temperatures": 10,
        "samples": 2,
    }


class Stack(nn.Module):
    """Networks: machines `layers_0`, `layers_1`, …; `untying`: what up-down adds; `tuned` and `scratch`."""

    pixels: int
    hidden: tuple[int, ...]
    classes: int
    labels: tuple[int, ...]
    pool: int

    def setup(self) -> None:
        inputs = (self.pixels, *self.hidden[:-1])
        self.layers = [RBM(n, width) for n, width in zip(inputs, self.hidden, strict=True)]
        self.untying = Untying()
        self.tuned = FewLabelClassifiers(self.hidden, self.classes, self.labels)
        self.scratch = FewLabelClassifiers(self.hidden, self.classes, self.labels)
        self.few = FewLabels(self.classes, self.pool)

    def pretrained(self) -> list[Layer]:
        return [(machine.kernel, machine.hidden_bias) for machine in self.layers]

    def net(self, fine_tuned: bool) -> DeepBeliefNet:
        greedy = stacked(self.layers)
        return self.untying(greedy) if fine_tuned else greedy


def binary(image: Any) -> Any:
    """Grey images [B, H, W, C] in [0, 1] as flat black and white ones [B, pixels]."""
    return (image.reshape(len(image), -1) > 0.5).astype(np.float32)


def contrast(model: Stack, batch: Batch, depth: int, steps: int) -> tuple[jax.Array, Metrics]:
    """Machine number `depth` models samples of the layer below, whose machines no turn of its stage trains."""
    up, around = jax.random.split(model.make_rng("noise"))
    v = sampled_pass(model.pretrained()[:depth], binary(batch["image"]), up)[-1]
    return contrastive_divergence(model.layers[depth], v, around, steps)


def up_and_down(model: Stack, batch: Batch, steps: int) -> tuple[jax.Array, Metrics]:
    return up_down(model.net(fine_tuned=True), binary(batch["image"]), model.make_rng("noise"), steps)


def weighted(model: Stack, v: jax.Array, fine_tuned: bool, samples: int) -> jax.Array:
    """log p(v, h) + log Z − log q(h|v) of `samples` draws of h, [B, samples]."""
    keys = jax.random.split(model.make_rng("noise"), samples)
    net = model.net(fine_tuned)
    return jax.lax.map(lambda key: log_weights(net, v, key), keys).T


def top_and_states(model: Stack, v: jax.Array, fine_tuned: bool) -> tuple[Any, ...]:
    """The top machine's weights, and samples of the units it sees, given v."""
    net = model.net(fine_tuned)
    states = sampled_pass(net.recognition, v, model.make_rng("noise"))[-1]
    return (net.top.kernel, net.top.visible_bias, net.top.hidden_bias), states


def likelihood(
    trained: Trained, train: np.ndarray, test: np.ndarray, fine_tuned: bool, config: Config
) -> dict[str, float]:
    """nll by importance sampling from the upward pass; elbo from the same samples; the standard error of log Z."""
    weights, states = trained(top_and_states, train, fine_tuned=fine_tuned)
    base = mean_log_odds(np.asarray(states))
    log_z, error = annealed_log_partition(Weights(*weights), base, seed=0, temperatures=config.temperatures)
    drawn = trained.over(weighted, test, fine_tuned=fine_tuned, samples=config.samples) - log_z
    bound = np.asarray(importance_weighted_bound(jnp.asarray(drawn), axis=1))
    return {"nll": -float(bound.mean()), "elbo": float(drawn.mean()), "log_z_error": error}


def evaluate(trained: Trained, dataset: Dataset, config: Config, pool: Arrays) -> dict[str, Any]:
    train, test = dataset.train.arrays(10_000), dataset.test.arrays(2000)
    v, v_test = binary(train["image"]), binary(test["image"])

    lowest = trained.variables["params"]["layers_0"]
    machine = Weights(lowest["kernel"], lowest["visible_bias"], lowest["hidden_bias"])
    log_z, error = annealed_log_partition(machine, mean_log_odds(v), seed=0, temperatures=config.temperatures)
    rank = np.asarray(trained.variables["drawn"]["few"]["rank"])
    return {
        **likelihood(trained, v, v_test, True, config),
        **accuracies(trained, test, "tuned"),
        GREEDY: likelihood(trained, v, v_test, False, config),
        MACHINE: {"nll": log_z + float(np.mean(free_energy(v_test, machine))), "log_z_error": error},
        SCRATCH: accuracies(trained, test, "scratch"),
        SCIKIT: scikit_learn_accuracies(pool.arrays(), rank, test, config.labels, config.hidden),
    }


def baselines(trained: Trained, dataset: Dataset) -> dict[str, Any]:
    train, test = (binary(split.arrays(10_000)["image"]) for split in (dataset.train, dataset.test))
    sizes = {"independent Bernoullis": 1, "mixture of 50 Bernoullis": 50}
    return {
        name: {"nll": -bernoulli_mixture.log_likelihood(test, bernoulli_mixture.fit(train, size, seed=0)).mean()}
        for name, size in sizes.items()
    }


def conclude(replicas: Sequence[Mapping[str, Any]], labels: Sequence[int]) -> dict[str, Any]:
    def saved(rival: str) -> str:
        mean, error = mean_and_standard_error([row[rival]["nll"] - row["nll"] for row in replicas])
        return f"{mean:+.2f}, one seed" if error is None else f"{mean:+.2f} ± {error:.2f}, {len(replicas)} seeds"

    lines = series(replicas, "deep belief net", labels)
    return {
        "nats that up-down saves": saved(GREEDY),
        "nats that the net saves against its lowest machine": saved(MACHINE),
        **verdicts(replicas, SCRATCH, labels),
        **verdicts(replicas, SCIKIT, labels),
        "few_labels": curves(lines, "labels a class", "test accuracy", log_x=True),
    }


def fantasies(model: Stack, v: jax.Array, fine_tuned: bool, steps: int) -> jax.Array:
    return sample(model.net(fine_tuned), v, model.make_rng("noise"), steps)


def draw(trained: Trained, dataset: Dataset) -> dict[str, Any]:
    images = dataset.test.arrays(16)["image"]
    v, shape = binary(images), images.shape[1:]
    noise = np.random.default_rng(0).integers(0, 2, v.shape).astype(np.float32)
    rows = {
        "test images": v,
        "1 Gibbs step": trained(fantasies, v, fine_tuned=True, steps=1),
        "100 Gibbs steps": trained(fantasies, v, fine_tuned=True, steps=100),
        "from noise, 1000": trained(fantasies, noise, fine_tuned=True, steps=1000),
        "the same, greedy": trained(fantasies, noise, fine_tuned=False, steps=1000),
    }
    first, second = (np.asarray(trained.variables["params"][f"layers_{i}"]["kernel"]) for i in (0, 1))
    # What a unit of the second layer looks for: the first layer's filters, by its weights.
    filters = np.concatenate([first.T[:32], (first @ second).T[:32]])
    return {
        "samples": image_grid(
            np.stack([np.asarray(row).reshape(-1, *shape) for row in rows.values()]), row_labels=list(rows)
        ),
        "filters": image_grid(around_grey(filters).reshape(-1, *shape), columns=16),
    }


def build(config: Config, dataset: Dataset) -> Experiment:
    dataset.need_labelled_images("fine-tuning needs them")
    if len(config.hidden) < 2:
        raise UserError("a deep belief net has at least two hidden layers: give --hidden as 100,100")
    pool = balanced_pool(dataset.train, len(dataset.classes), max(100, *config.labels))
    pixels = int(np.prod(dataset.train.spec["image"].shape))

    def descent(rate: float, steps: int, decay: float = 0.0) -> optax.GradientTransformation:
        return optimizer("momentum", optax.linear_schedule(rate, 0.0, steps), momentum=config.momentum, l2=decay)

    greedy = [
        Stage(
            [Turn(functools.partial(contrast, depth=depth, steps=config.gibbs), trains=(f"layers_{depth}",))],
            descent(config.learning_rate, config.steps, config.decay),
            config.steps,
            name=f"machine {depth}",
        )
        for depth in range(len(config.hidden))
    ]
    generating = Stage(
        [Turn(functools.partial(up_and_down, steps=config.gibbs), trains=("untying",))],
        descent(config.up_down_rate, config.up_down_steps),
        config.up_down_steps,
        name="up-down",
    )
    classifying = Stage(
        [Turn(fine_tune, trains=("tuned",)), Turn(from_scratch, trains=("scratch",))],
        {
            network: optax.adam(optax.cosine_decay_schedule(rate, config.tuning_steps))
            for network, rate in (("tuned", config.tuning_rate), ("scratch", config.scratch_rate))
        },
        config.tuning_steps,
        name="few labels",
        data=pool,
        batch_size=len(pool),
    )
    return Experiment(
        model=Stack(pixels, config.hidden, len(dataset.classes), config.labels, len(pool) // len(dataset.classes)),
        stages=[*greedy, generating, classifying],
        data=dataset,
        evaluate=functools.partial(evaluate, config=config, pool=pool),
        validate=validate,
        baselines=baselines,
        conclude=functools.partial(conclude, labels=config.labels),
        figures=draw,
        dense=True,
        watch=("loss",),
    )


if __name__ == "__main__":
    launch(Config, build)
