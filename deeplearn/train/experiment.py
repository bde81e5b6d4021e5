"""What an experiment declares: a model, losses and their turns, the data, what is measured and drawn.

Nothing here trains; `deeplearn.train.loop` does, and all that it knows about an experiment is in these classes.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import flax.linen as nn
import jax
import optax

from deeplearn.errors import UserError
from deeplearn.mean import Mean
from deeplearn.measured import OURS, Measured
from deeplearn.metrics.statistics import mean_and_standard_error
from deeplearn.train.alarms import Alarm
from deeplearn.train.trees import Path, path_of

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

    from deeplearn.data import Dataset, Split, Unpaired
    from deeplearn.train.trained import Trained

Batch = Mapping[str, Any]
Metrics = Mapping[str, jax.Array | Mean]
Losses = tuple[jax.Array | Mean, Metrics]  # what a loss returns: its value, and metrics to be logged
Loss = Callable[[Any, Batch], Losses]
Rows = Mapping[str, Measured]


@dataclasses.dataclass(frozen=True)
class Turn:
    """One loss that trains one set of networks.

    `loss(model, batch) -> (loss, metrics)` is a pure function of the bound root module and a batch; the batch also
    holds `batch["step"]`, the int32 number of steps taken so far, for annealing. The loss and each metric is a
    scalar, a mean over rows, or a `Mean` where rows do not count alike. Random numbers come from
    `model.make_rng("noise")`. `trains` names networks, attributes of the root module (empty: all of it); only these
    are differentiated, the others enter as constants. Within a step the turn is taken `times` times, each on a
    fresh batch, and only in every `every`-th step, the first of which is not step 0: so its metrics are there where
    `--log_every` is a multiple of it. `called` is the name of its metrics; if empty, the loss's own name. `of`
    names the system whose module the loss sees where several are trained side by side (`side_by_side`).
    """

    loss: Loss
    trains: tuple[str, ...] = ()
    times: int = 1
    every: int = 1
    called: str = ""
    of: str = ""

    @property
    def name(self) -> str:
        if self.called:
            return self.called
        loss = self.loss
        while isinstance(loss, functools.partial):
            loss = loss.func
        return getattr(loss, "__name__", type(loss).__name__)

    def due(self, step: Any) -> Any:
        """Whether step number `step`, from 0, takes this turn."""
        return (step + 1) % self.every == 0

    @property
    def paths(self) -> tuple[Path, ...]:
        """Paths of the parameters that it trains, within the root's."""
        return tuple(path_of(self.of) + path_of(name) for name in self.trains) or (path_of(self.of),)


@dataclasses.dataclass(frozen=True)
class Stage:
    """Turns that are taken in order, `steps` times.

    `optimizers` is one optax chain for all networks that train here or one by network name. Networks that every
    turn trains together and that have one chain share its state, so a norm over all gradients is over all of them.
    With `ema` a moving average of the trained weights is kept: evaluation uses it, and the next stage starts from
    it. `data` and `batch_size` replace the experiment's where this stage needs others. `start(variables) ->
    variables` of the same shapes, on the host, makes the initial variables of the stage: weights of another run or
    library (`deeplearn.weights`) or of another network of this one; called for each replica.
    """

    turns: Sequence[Turn]
    optimizers: optax.GradientTransformation | Mapping[str, optax.GradientTransformation]
    steps: int
    name: str = "train"
    ema: float | None = None
    data: Split | Unpaired | None = None
    batch_size: int | None = None
    start: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.steps, int) or self.steps < 1:
            raise UserError(
                f"the stage {self.name!r} should have a whole number of steps, at least 1, not {self.steps!r}: "
                "is --steps too small for it?"
            )
        names = [turn.name for turn in self.turns]
        if len(set(names)) < len(names):
            raise UserError(f"turns of stage {self.name!r} share a name, and so would their metrics: {names}")

    @property
    def first_slots(self) -> list[int]:
        """For each turn the number of its first fresh batch within a step.

        Systems that are trained side by side count separately, so they all see the same batches.
        """
        taken: dict[str, int] = {}
        firsts = []
        for turn in self.turns:
            firsts.append(taken.get(turn.of, 0))
            taken[turn.of] = firsts[-1] + turn.times
        return firsts

    @property
    def slots(self) -> int:
        """Fresh batches that one step may draw."""
        return max(first + turn.times for first, turn in zip(self.first_slots, self.turns, strict=True))

    def optimizer(self, path: Path) -> optax.GradientTransformation:
        """The chain of the network at a path: that of its name, or of the nearest name above it."""
        if not isinstance(self.optimizers, Mapping):
            return self.optimizers
        for length in range(len(path), -1, -1):
            if (name := "/".join(path[:length])) in self.optimizers:
                return self.optimizers[name]
        raise UserError(f"stage {self.name!r} trains {'/'.join(path)!r} but gives it no optimizer")


@dataclasses.dataclass(frozen=True)
class Claim:
    """A sentence that is tested: in `metric`, the row `better` lies above the row `than`.

    A minus sign before the metric ("-nll") says that less is better. The verdict is Student's t at 95 %, paired
    over replicas (`deeplearn.metrics.verdict`); a baseline has the same value for all of them.
    """

    sentence: str
    better: str
    than: str
    metric: str


class _Table(dict[str, Measured]):
    """Rows by name; one that was left out is missed in a sentence, by figures that need it."""

    def __missing__(self, row: str) -> Measured:
        raise UserError(f"there is no row {row!r}")


@dataclasses.dataclass(frozen=True)
class Report:
    """What a run measured, for its figures.

    rows: {row: Measured}, of the first replica (ours and those trained side by side) and of the baselines.
    replicas: {row: {metric: number}} of each replica.
    trained: the first replica.
    """

    rows: Rows
    replicas: Sequence[Mapping[str, Mapping[str, float]]]
    trained: Trained
    dataset: Dataset

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", _Table(self.rows))

    @property
    def config(self) -> Any:
        return self.trained.config

    @property
    def ours(self) -> Measured:
        return self.rows[OURS]

    def each(self, row: str, metric: str) -> list[float]:
        """A metric of a row for every replica."""
        return [replica[row][metric] for replica in self.replicas]

    def beside(self, ours: str) -> dict[str, Measured]:
        """The rows of systems trained side by side, of the first replica; our own is called `ours`."""
        return {ours if row == OURS else row: self.rows[row] for row in self.replicas[0]}

    def spread(self, metric: str, ours: str) -> dict[str, tuple[float, float | None]]:
        """{row: (mean, standard error)} of a metric over replicas, for those rows of `beside` that have it."""
        return {
            ours if row == OURS else row: mean_and_standard_error(self.each(row, metric))
            for row in self.replicas[0]
            if metric in self.replicas[0][row]
        }


def nothing(*_: Any) -> dict[str, Any]:
    """For experiments that measure, compare or draw nothing."""
    return {}


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A model, its stages, its data, and what is measured and drawn.

    model: root Flax module; its parameterised attributes are the networks.
    evaluate(trained, dataset) -> {row: Measured} on the test split, for each replica once the last stage is over.
        The row OURS is the experiment's own; others, trained side by side with it, are listed with the baselines.
    validate(model, batch) -> {metric: scalar or Mean}, a pure function averaged over the validation split at every
        checkpoint; `best` names the metric by which the best checkpoint is kept, with a minus sign where less
        is better ("-nll").
    baselines(trained, dataset) -> {row: function () -> Measured}, other methods run in the same program; the first
        replica is passed for those that use its features. Each is run alone: one that fails is left out.
    published: {source and protocol: {metric: number}}, only where the protocol is the same.
    figures(report) -> {file name: function () -> picture}, each drawn alone from what was measured.
    sheet(trained, dataset) -> picture: samples or reconstructions of the first replica, drawn while it trains.
    curves(trained, dataset) -> {metric: number}: numbers of the end that are cheap enough to be followed on the
        way, of every replica, at the steps of the sheets.
    images(trained, dataset, count, ...) -> [count, height, width, channels] in [0, 1], that a generator makes. What
        a user may ask for has a default each, of the names in `deeplearn.runs.generate`: `text`, what is to be
        seen; `truncation`, how far styles stay from their mean. The dataset may be without rows.
    walk(trained, dataset, stops, between, ...) -> [stops · between, height, width, channels] in [0, 1]: `between`
        images on the way from each of `stops` random ones to the next, and from the last to the first.
    answer(trained, dataset, question) -> text: what the trained system says to a user's text, or to a file of the
        user's whose path the question is. The dataset may be without rows; UserError for what has no answer.
    translate(trained, dataset, images) -> images: a user's pictures [N, H, W, C] in [0, 1], in the shape of the
        data set's `source`, as the trained system translates them. The dataset may be without rows.
    vectors(trained, dataset) -> `deeplearn.vectors.Vectors`, those of words that were learnt. The dataset may be
        without rows.
    claims: decided by comparing rows over replicas.
    alarms: what is said while it trains, when a metric of training has left its bounds for a while.
    rivals: {name: facts} of systems that are trained side by side (`side_by_side`).
    """

    model: nn.Module
    stages: Sequence[Stage]
    data: Dataset
    evaluate: Callable[[Trained, Dataset], Rows] = nothing
    validate: Callable[[Any, Batch], Metrics] | None = None
    best: str | None = None
    baselines: Callable[[Trained, Dataset], Mapping[str, Callable[[], Measured]]] = nothing
    published: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    figures: Callable[[Report], Mapping[str, Callable[[], Image.Image]]] = nothing
    sheet: Callable[[Trained, Dataset], Image.Image] | None = None
    images: Callable[..., np.ndarray] | None = None
    walk: Callable[..., np.ndarray] | None = None
    answer: Callable[[Trained, Dataset, str], str] | None = None
    translate: Callable[[Trained, Dataset, np.ndarray], np.ndarray] | None = None
    vectors: Callable[[Trained, Dataset], Any] | None = None
    curves: Callable[[Trained, Dataset], Mapping[str, float]] | None = None
    claims: Sequence[Claim] = ()
    alarms: Sequence[Alarm] = ()
    rivals: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)

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
        """The stage of the step after `step` steps; the last one after all steps."""
        for index, start in enumerate(self.starts()):
            if step < start + self.stages[index].steps:
                return index
        return len(self.stages) - 1


Build = Callable[[Any, "Dataset"], Experiment]  # from the experiment's own `Config`
