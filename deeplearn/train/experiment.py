"""What an experiment declares: a model, the losses and whose turn it is, the data, what is measured and drawn.

Nothing here trains; `deeplearn.train.loop` does, and knows no more about an experiment than these classes say.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import flax.linen as nn
import jax
import optax

if TYPE_CHECKING:
    from PIL import Image

    from deeplearn.data import Dataset, Split
    from deeplearn.train.trained import Trained

Batch = Mapping[str, Any]
Metrics = Mapping[str, jax.Array]
Loss = Callable[[Any, Batch], tuple[jax.Array, Metrics]]


@dataclasses.dataclass(frozen=True)
class Turn:
    """One loss that trains one set of networks.

    `loss(model, batch) -> (scalar, metrics)` is a pure function of the bound root module and a batch; the batch
    also holds `batch["step"]`, the int32 number of steps taken so far, for what is annealed. Random numbers come
    from `model.make_rng("noise")`. `trains` names networks (attributes of the root module; empty means all of
    them); only these are differentiated, the others enter as constants. Within a step the turn is taken `times`
    times, each on a fresh batch, and only in every `every`-th step. `called` is what its metrics are filed under;
    if empty, the loss's own name.
    """

    loss: Loss
    trains: tuple[str, ...] = ()
    times: int = 1
    every: int = 1
    called: str = ""

    @property
    def name(self) -> str:
        if self.called:
            return self.called
        loss = self.loss
        while isinstance(loss, functools.partial):
            loss = loss.func
        return getattr(loss, "__name__", type(loss).__name__)


@dataclasses.dataclass(frozen=True)
class Stage:
    """Turns that are taken in order, `steps` times over.

    `optimizers` is one optax chain for all networks that train here (each keeps its own state) or one by network
    name. With `ema` a moving average of the trained weights is kept: evaluation uses it, and the next stage
    starts from it. `data` and `batch_size` replace the experiment's where this stage needs others.
    `start(variables) -> variables` of the same shapes, on the host, makes what the stage starts from: weights of
    another run or library (`deeplearn.weights`) or of another network of this one; called for each replica.
    """

    turns: Sequence[Turn]
    optimizers: optax.GradientTransformation | Mapping[str, optax.GradientTransformation]
    steps: int
    name: str = "train"
    ema: float | None = None
    data: Split | None = None
    batch_size: int | None = None
    start: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None

    def __post_init__(self) -> None:
        names = [turn.name for turn in self.turns]
        if len(set(names)) < len(names):
            raise ValueError(f"turns of stage {self.name!r} share a name, and so would their metrics: {names}")

    @property
    def slots(self) -> int:
        """Fresh batches that one step may draw."""
        return sum(turn.times for turn in self.turns)

    def optimizer(self, network: str) -> optax.GradientTransformation:
        if isinstance(self.optimizers, Mapping):
            if network not in self.optimizers:
                raise ValueError(f"stage {self.name!r} trains {network!r} but gives it no optimizer")
            return self.optimizers[network]
        return self.optimizers


def no_evaluation(trained: Trained, dataset: Dataset) -> dict[str, float]:
    return {}


def no_baselines(trained: Trained, dataset: Dataset) -> dict[str, dict[str, Any]]:
    return {}


def no_conclusions(replicas: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {}


def no_figures(trained: Trained, dataset: Dataset) -> dict[str, Image.Image]:
    return {}


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A model, its stages, its data, and what is measured and drawn.

    model: root Flax module; its parameterised attributes are the networks.
    evaluate(trained, dataset) -> {metric: number} on the test split, for each replica once the last stage is over.
        A value that is itself a {metric: number} is a rival trained beside: it gets a row among the baselines.
    validate(model, batch) -> {metric: scalar}, a pure function averaged over the validation split at every
        checkpoint; `best` names the metric by which the best checkpoint is kept, with a minus sign where less
        is better ("-nll").
    baselines(trained, dataset) -> {name: {metric: number}}, other methods run in the same program; the first
        replica is at hand for what is measured on its features.
    published: {source and protocol: {metric: number}}, only where the protocol is the same.
    figures(trained, dataset) -> {file name: picture}, of the first replica.
    conclude(replicas) -> {name: sentence or picture}: what can be said or drawn only from all replicas together,
        such as the verdict on a claim. It is given what `evaluate` returned for each. Sentences are printed under
        the table and stand in results.json under "verdicts".
    dense: no convolution anywhere, so many steps run in one compiled loop and replicas are vectorised. Inside a
        loop or under `vmap` a convolution runs many times slower on CPU, so it is off unless claimed.
    watch: the metrics that the progress line shows.
    """

    model: nn.Module
    stages: Sequence[Stage]
    data: Dataset
    evaluate: Callable[[Trained, Dataset], Mapping[str, Any]] = no_evaluation
    validate: Callable[[Any, Batch], Metrics] | None = None
    best: str | None = None
    baselines: Callable[[Trained, Dataset], Mapping[str, Mapping[str, Any]]] = no_baselines
    published: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    figures: Callable[[Trained, Dataset], Mapping[str, Image.Image]] = no_figures
    conclude: Callable[[Sequence[Mapping[str, Any]]], Mapping[str, Any]] = no_conclusions
    dense: bool = False
    watch: tuple[str, ...] = ("loss",)

    @property
    def steps(self) -> int:
        return sum(stage.steps for stage in self.stages)

    def starts(self) -> list[int]:
        """The first step of each stage."""
        first, starts = 0, []
        for stage in self.stages:
            starts.append(first)
            first += stage.steps
        return starts

    def stage_at(self, step: int) -> int:
        """The stage that takes the step after `step` steps; the last one when all are taken."""
        for index, start in enumerate(self.starts()):
            if step < start + self.stages[index].steps:
                return index
        return len(self.stages) - 1
