"""A deep belief net: machines stacked greedily, fine-tuned by up-down to generate and on few labels to classify.

    python -m experiments.representations.deep_belief_net --replicas=5

Hinton, Osindero & Teh 2006, without labels in the top machine. Each machine has a stage, on samples of the hidden
units below, which do not train in it; then a stage of up-down, which unties the weights of the upward and the
downward pass, and one of fine-tuning on few labels, from the greedy stack. The rival has the shape of the
classifiers, random weights and only the last stage, with the same labels. `nll` in nats is an importance weighted
bound with samples of the upward pass (Salakhutdinov & Murray 2008), with those of the stack before up-down and of
its lowest machine alone. Samples are drawn by Gibbs sampling in the top machine, then down. Baselines: mixtures of
Bernoullis, and scikit-learn's MLP on the same labels.
"""

import dataclasses
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from deeplearn import train as dl
from deeplearn.baselines.bernoulli_mixture import bernoulli_mixtures
from deeplearn.baselines.classical import estimator
from deeplearn.baselines.few_labels import few_label_accuracies
from deeplearn.data import Dataset
from deeplearn.data.pool import few_label_pool
from deeplearn.errors import UserError
from deeplearn.figures.contrast import around_grey
from deeplearn.figures.grid import image_grid
from deeplearn.figures.plots import curves
from deeplearn.losses.contrastive_divergence import contrastive_divergence
from deeplearn.losses.few_labels import few_label_loss
from deeplearn.losses.up_down import up_down
from deeplearn.metrics.bounds import importance_weighted_bound
from deeplearn.metrics.few_labels import accuracies, series, validate
from deeplearn.metrics.partition_function import Weights, annealed_log_partition, annealed_nll, mean_log_odds
from deeplearn.models.deep_belief_net import DeepBeliefNet, Untying, log_weights, sample, stacked
from deeplearn.models.rbm import RBM
from deeplearn.models.warm_start import FewLabelClassifiers, GreedyStack
from deeplearn.nn.functional import black_and_white
from deeplearn.nn.sigmoid_belief import sampled_pass
from deeplearn.optim.optimizers import optimizer
from deeplearn.optim.schedules import schedule
from deeplearn.train.few_labels import FewLabelConfig, few_label_claims, few_label_stage

GREEDY, MACHINE = "before up-down", "its lowest machine alone"
SCRATCH, SCIKIT = "the same net from scratch", "scikit-learn's MLP from scratch"


@dataclasses.dataclass(frozen=True)
class Config(FewLabelConfig):
    steps: int = dl.flag(4000, "steps to train each machine", min=1)
    batch_size: int = 64
    hidden: tuple[int, ...] = dl.flag((100, 100), "hidden widths; the last is the top machine's", min=1)
    gibbs: int = dl.flag(1, "Gibbs steps k of contrastive divergence", min=1)
    optimizer: str = "momentum"
    schedule: str = "linear"
    learning_rate: float = dl.flag(0.05, "maximum learning rate in pretraining", min=0)
    momentum: float = 0.5
    l2: float = dl.flag(1e-4, "penalty on Σw²/2 of kernels in pretraining", min=0)
    up_down_steps: int = dl.flag(2000, "steps of up-down", min=1)
    up_down_rate: float = dl.flag(0.01, "maximum learning rate in up-down", min=0)
    tuning_rate: float = dl.flag(3e-3, "Adam's rate there; falls to 0 along a cosine", min=0)
    scratch_rate: float = dl.flag(1e-2, "Adam's rate for the net from scratch", min=0)
    temperatures: int = dl.flag(2000, "steps of annealed importance sampling", min=10)
    samples: int = dl.flag(100, "samples of the posterior for each image's likelihood", min=1)

    # Hinton, Osindero & Teh 2006, figure 1, without the labels in the top machine.
    PAPER = {
        "dataset": "mnist",
        "hidden": (500, 500, 2000),
        "batch_size": 10,
        "steps": 180_000,
        "up_down_steps": 1_800_000,
        "temperatures": 14_500,
    }
    TINY = {
        "hidden": (6, 4),
        "labels": (1, 2),
        "up_down_steps": 2,
        "tuning_steps": 2,
        "temperatures": 10,
        "samples": 2,
    }


class Stack(GreedyStack):
    """Networks: machines `layers_0`, `layers_1`, …; `untying`, the changes by up-down; `tuned`, classifiers."""

    def setup(self) -> None:
        super().setup()
        self.untying = Untying()

    def net(self, fine_tuned: bool) -> DeepBeliefNet:
        greedy = stacked(self.layers)
        return self.untying(greedy) if fine_tuned else greedy


def contrast(stack: Stack, batch: dl.Batch, depth: int, steps: int) -> dl.Losses:
    """Machine number `depth` models samples of the layer below, whose machines no turn of its stage trains."""
    up, around = jax.random.split(stack.make_rng("noise"))
    v = sampled_pass(stack.pretrained(depth), black_and_white(batch["image"]), up)[-1]
    return contrastive_divergence(stack.layers[depth], v, around, steps)


def up_and_down(stack: Stack, batch: dl.Batch, steps: int) -> dl.Losses:
    return up_down(stack.net(fine_tuned=True), black_and_white(batch["image"]), stack.make_rng("noise"), steps)


def weighted(stack: Stack, v: jax.Array, fine_tuned: bool, samples: int) -> jax.Array:
    """log p(v, h) + log Z − log q(h|v) of `samples` draws of h, [B, samples]."""
    keys, net = jax.random.split(stack.make_rng("noise"), samples), stack.net(fine_tuned)
    return jax.lax.map(lambda key: log_weights(net, v, key), keys).T


def top_and_states(stack: Stack, v: jax.Array, fine_tuned: bool) -> tuple[Weights, jax.Array]:
    """The top machine, and samples of its visible units, given v."""
    net = stack.net(fine_tuned)
    states = sampled_pass(net.recognition, v, stack.make_rng("noise"))[-1]
    return Weights(net.top.kernel, net.top.visible_bias, net.top.hidden_bias), states


def likelihood(trained: dl.Trained, train: np.ndarray, test: np.ndarray, fine_tuned: bool) -> dict[str, float]:
    """nll by importance sampling from the upward pass; elbo from the same samples; the standard error of log Z."""
    config = trained.config
    top, states = trained(top_and_states, train, fine_tuned=fine_tuned)
    base = mean_log_odds(np.asarray(states))
    log_z, error = annealed_log_partition(top, base, seed=0, temperatures=config.temperatures)
    drawn = trained.over(weighted, test, fine_tuned=fine_tuned, samples=config.samples) - log_z
    bound = np.asarray(importance_weighted_bound(jnp.asarray(drawn), axis=1))
    return {"nll": -float(bound.mean()), "elbo": float(drawn.mean()), "log_z_error": error}


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    config, test = trained.config, dataset.test.arrays(2000)
    v, v_test = (black_and_white(x) for x in (dataset.train.arrays(10_000)["image"], test["image"]))
    pool, rank = few_label_pool(dataset, config.labels), trained.variables["drawn"]["tuned"]["few"]["rank"]
    mlp = estimator("MLPClassifier", hidden_layer_sizes=config.hidden, max_iter=300, random_state=0)
    lowest = Weights(**trained.variables["params"]["layers_0"])
    return {
        **dl.ours({**likelihood(trained, v, v_test, fine_tuned=True), **accuracies(trained, test)}),
        GREEDY: dl.Measured(likelihood(trained, v, v_test, fine_tuned=False)),
        MACHINE: dl.Measured(annealed_nll(lowest, v, v_test, config.temperatures)),
        SCIKIT: dl.Measured(few_label_accuracies(mlp, pool.arrays(), rank, test, config.labels)),
    }


def evaluate_scratch(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    return dl.ours(accuracies(trained, dataset.test.arrays(2000)))


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    return bernoulli_mixtures(dataset, black_and_white, sizes=(50,))


def fantasies(stack: Stack, v: jax.Array, fine_tuned: bool, steps: int) -> jax.Array:
    return sample(stack.net(fine_tuned), v, stack.make_rng("noise"), steps)


def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
    images, net = dataset.test.arrays(16)["image"], trained["pretrained"]
    v = black_and_white(images)
    noise = np.random.default_rng(0).integers(0, 2, v.shape).astype(np.float32)
    rows = {
        "test images": v,
        "1 Gibbs step": net(fantasies, v, fine_tuned=True, steps=1),
        "100 Gibbs steps": net(fantasies, v, fine_tuned=True, steps=100),
        "from noise, 1000": net(fantasies, noise, fine_tuned=True, steps=1000),
        "from noise, before up-down": net(fantasies, noise, fine_tuned=False, steps=1000),
    }
    return image_grid(np.stack(list(rows.values())).reshape(len(rows), *images.shape), row_labels=list(rows))


def figures(report: dl.Report) -> dict[str, Any]:
    def filters() -> Any:
        params = report.trained["pretrained"].variables["params"]
        first, second = (np.asarray(params[f"layers_{depth}"]["kernel"]) for depth in (0, 1))
        # Filters of the second layer: those of the first, weighted by a unit's weights.
        both = np.concatenate([first.T[:32], (first @ second).T[:32]])
        return image_grid(around_grey(both).reshape(-1, *report.dataset.train.spec["image"].shape), columns=16)

    lines = series(report.replicas, report.config.labels, "deep belief net")
    return {
        "samples": lambda: sheet(report.trained, report.dataset),
        "filters": filters,
        "few_labels": lambda: curves(lines, "labels per class", "test accuracy", log_x=True),
    }


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset.need_labelled_images("fine-tuning needs them")
    if len(config.hidden) < 2:
        raise UserError("a deep belief net has at least two hidden layers: give --hidden as 100,100")
    pool, classes = few_label_pool(dataset, config.labels), len(dataset.classes)
    shape = (config.hidden, classes, config.labels, len(pool) // classes)
    greedy = [
        dl.Stage(
            [dl.Turn(partial(contrast, depth=depth, steps=config.gibbs), trains=(f"layers_{depth}",))],
            config.chain(),
            config.steps,
            name=f"machine {depth}",
        )
        for depth in range(len(config.hidden))
    ]
    generating = dl.Stage(
        [dl.Turn(partial(up_and_down, steps=config.gibbs), trains=("untying",))],
        config.chain(config.up_down_steps, learning_rate=config.up_down_rate, l2=0.0),
        config.up_down_steps,
        name="up-down",
    )

    def tuning(rate: float, *trains: str) -> dl.Stage:
        adam = optimizer("adam", schedule("cosine", rate, config.tuning_steps))
        return few_label_stage(few_label_loss, pool, adam, config.tuning_steps, *trains)

    net = Stack(RBM, int(np.prod(dataset.train.spec["image"].shape)), *shape)
    stages = [*greedy, generating, tuning(config.tuning_rate, "tuned")]
    twin = FewLabelClassifiers(*shape)
    rivals = {
        "pretrained": dl.Rival(net, stages, evaluate, validate),
        "scratch": dl.Rival(twin, [tuning(config.scratch_rate)], evaluate_scratch, validate, row=SCRATCH),
    }
    claims = [
        dl.Claim("up-down saves nats", dl.OURS, GREEDY, "-nll"),
        dl.Claim("the net needs fewer nats than its lowest machine", dl.OURS, MACHINE, "-nll"),
        *few_label_claims(config.labels, (dl.OURS, SCRATCH), (dl.OURS, SCIKIT)),
    ]
    return dl.side_by_side(rivals, data=dataset, baselines=baselines, figures=figures, sheet=sheet, claims=claims)


if __name__ == "__main__":
    dl.launch(Config, build)
