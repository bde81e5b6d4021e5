"""Memory: which networks carry what they read over many steps, and where that matters.

    python -m experiments.sequences.memory --replicas=5
    python -m experiments.sequences.memory --dataset=adding/200 --also= --networks=lstm,gru --steps=3000

Two tasks need memory: `adding` (the sum of the two marked ones of T numbers) and `copy` (ten symbols again, T steps
after they were seen; Hochreiter & Schmidhuber 1997). The third, `recent`, does not: the marked numbers are among
the last ten. For each task the same networks learn in the same way, from examples without end: a feed-forward
network on a window of the last steps, a plain RNN, a GRU, and LSTMs whose forget gates begin with a bias of 0 or 1.

Measured on test: the loss (squared error; nats a step of `copy`); the training loss halfway; and, before training,
log₁₀ of the gradient of the loss with respect to the first ten steps over that of the last ten. Baselines: the best
guess that remembers nothing, and ridge regression on all steps.
"""

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
from deeplearn.baselines.ridge import ridge
from deeplearn.data import Dataset
from deeplearn.data.endless import CLASSES, COPIED, VOCABULARY, load_endless
from deeplearn.errors import UserError
from deeplearn.figures.plots import curves, heat_map
from deeplearn.metrics.history import record, recorded
from deeplearn.models.reader import Reader, WindowReader
from deeplearn.nn.cells import GRUCell, LSTMCell, RNNCell

TASKS = ("adding", "copy", "recent")
NETWORKS = {
    "lstm": "LSTM, forget bias 1",
    "lstm_0": "LSTM, forget bias 0",
    "gru": "GRU",
    "rnn": "plain RNN",
    "window": "feed-forward on a window",
}
GUESS = "guess without memory"
ENDS = 10  # steps at either end whose gradients are compared
POINTS = 100  # of a learning curve


@dataclasses.dataclass(frozen=True)
class Config(dl.OptimizerConfig):
    dataset: str = "adding/50"
    steps: int = 2000
    batch_size: int = 64
    learning_rate: float = 3e-3
    schedule: str = "constant"
    clip: float = 1.0
    also: tuple[str, ...] = dl.flag(("copy", "recent"), "further tasks, of the same length", choices=TASKS)
    networks: tuple[str, ...] = dl.flag(
        tuple(NETWORKS), "those that learn; the first is ours", choices=tuple(NETWORKS)
    )
    features: int = dl.flag(64, "units of each network", min=1)
    window: int = dl.flag(10, "steps that the feed-forward network sees", min=1)

    # Arjovsky et al. 2016, section 5: adding up to T = 750, LSTMs of 128 units, batches of 50, rate .001.
    PAPER = {"dataset": "adding/750", "features": 128, "batch_size": 50, "learning_rate": 1e-3, "steps": 20_000}
    TINY = {"features": 4, "window": 3, "networks": ("lstm", "rnn", "window"), "also": ("copy",)}


class Readers(nn.Module):
    """A network of one kind for each task: `on_adding`, `on_copy`, `on_recent`."""

    kind: str  # one of NETWORKS
    features: int
    window: int
    tasks: tuple[str, ...]

    def setup(self) -> None:
        cells: dict[str, Any] = {"lstm": LSTMCell, "gru": GRUCell, "rnn": RNNCell}
        cells["lstm_0"] = partial(LSTMCell, forget_bias=0.0)
        for task in self.tasks:
            outputs, each_step = (len(CLASSES), True) if task == "copy" else (1, False)
            if self.kind == "window":
                network: Any = WindowReader(self.window, self.features, outputs, each_step)
            else:
                network = Reader(cells[self.kind], self.features, outputs, each_step)
            setattr(self, f"on_{task}", network)


def inputs(batch: Mapping[str, Any]) -> jax.Array:
    """[B, time, n]: values and marks, or tokens as one-hot vectors."""
    return batch["sequence"] if "sequence" in batch else jax.nn.one_hot(batch["tokens"], len(VOCABULARY))


def losses(readers: Readers, x: jax.Array, batch: dl.Batch, task: str) -> tuple[jax.Array, dl.Metrics]:
    """The loss of each row [B], of its inputs x: the squared error, or the mean of the steps' nats; and metrics."""
    answer = getattr(readers, f"on_{task}")(x).astype(jnp.float32)
    if task != "copy":
        return jnp.square(answer[:, 0] - batch["target"]), {}
    right = answer.argmax(-1) == batch["tags"]
    nats = optax.softmax_cross_entropy_with_integer_labels(answer, batch["tags"])
    return nats.mean(1), {"recalled": right[:, -COPIED:].mean()}


def score(readers: Readers, batch: dl.Batch, task: str) -> dl.Metrics:
    loss, metrics = losses(readers, inputs(batch), batch, task)
    return {"loss": loss.mean(), **metrics}


def learn(readers: Readers, batch: dl.Batch, task: str, first: int, steps: int) -> dl.Losses:
    """first: the steps of the tasks before."""
    rows, metrics = losses(readers, inputs(batch), batch, task)
    loss = rows.mean()
    record(readers, task, loss, batch["step"] - first, steps, POINTS)
    return loss, metrics


@partial(jax.jit, static_argnums=(0, 3))
def through_time(readers: Readers, variables: Any, batch: dl.Batch, task: str) -> jax.Array:
    """‖∂L/∂x_t‖ [time], the mean over rows; `variables` may be a key, for fresh ones."""
    x = inputs(batch)
    if not isinstance(variables, Mapping):
        variables = readers.init(variables, x, batch, task, method=losses)
    slopes = jax.grad(lambda x: readers.apply(variables, x, batch, task, method=losses)[0].sum())(x)
    return jnp.linalg.norm(slopes, axis=-1).mean(0)


def evaluate(trained: dl.Trained, _: Dataset, tasks: Mapping[str, Dataset]) -> dl.Rows:
    metrics: dict[str, float] = {}
    arrays: dict[str, Any] = {}
    for task, dataset in tasks.items():
        test, steps = dataset.test.arrays(), trained.config.steps
        found = trained.mean(SCORES[task], test)
        curve = recorded(trained.variables, task, steps)
        early = curve[0] <= max(steps / 2, curve[0][0])
        found["halfway"] = float(curve[1][early][-1, 0])
        batch = {key: column[:200] for key, column in test.items()}
        for when, variables in {"before": trained.key, "after": dict(trained.variables)}.items():
            norms = np.asarray(through_time(trained.model, variables, batch, task), float)
            norms = np.maximum(norms, 1e-12 * norms.max() + 1e-30)  # a window has none beyond its end
            if when == "before":
                found["gradient"] = np.log10(norms[:ENDS].mean() / norms[-ENDS:].mean())
            arrays[f"{task}_{when}"] = (np.arange(len(norms))[::-1], norms)
        arrays[f"{task}_curve"] = (curve[0], curve[1][:, 0])
        metrics |= {f"{task}_{name}": value for name, value in found.items()}
    return dl.ours(metrics, **arrays)


SCORES = {task: partial(score, task=task) for task in TASKS}  # here, so that each is compiled once


def baselines(trained: dl.Trained, _: Dataset, tasks: Mapping[str, Dataset]) -> dict[str, Any]:
    def guess() -> dl.Measured:
        return dl.Measured({f"{task}_loss": dataset.about["guess"] for task, dataset in tasks.items()})

    def linear() -> dl.Measured:
        return dl.Measured({f"{task}_loss": ridge(own) for task, own in tasks.items() if task != "copy"})

    return {GUESS: guess} | ({"ridge regression": linear} if set(tasks) - {"copy"} else {})


def figures(report: dl.Report) -> dict[str, Any]:
    title = NETWORKS[report.config.networks[0]]
    rows = report.beside(title)
    tasks = [name.removesuffix("_curve") for name in report.ours.arrays if name.endswith("_curve")]
    guess = report.rows[GUESS].metrics
    shares = {
        row: [one.metrics[f"{task}_loss"] / guess[f"{task}_loss"] for task in tasks] for row, one in rows.items()
    }

    def lines(name: str, xlabel: str, ylabel: str) -> Any:
        title = name.replace("_curve", "").replace("_", ", ") + " training" * (not name.endswith("_curve"))
        return curves({row: one.arrays[name] for row, one in rows.items()}, xlabel, ylabel, title, log_y=True)

    drawn: dict[str, Any] = {
        "where_memory_matters": lambda: heat_map(
            np.array(list(shares.values())), list(shares), tasks, title="loss as a share of the guess's"
        )
    }
    for task in tasks:
        drawn[f"{task}_error"] = partial(lines, f"{task}_curve", "steps", "training loss")
        for when in ("before", "after"):
            name = f"{task}_{when}"
            drawn[f"{task}_gradient_{when}"] = partial(lines, name, "steps before the end", "norm of the gradient")
    return drawn


def claims(config: Config, tasks: Mapping[str, Dataset]) -> list[dl.Claim]:
    """Of ours: that it has less loss than the plain RNN, and that a forget bias of 1 makes it learn sooner."""
    found = []
    for task in set(tasks) & {"adding", "copy"}:
        if config.networks[0] != "rnn" and "rnn" in config.networks:
            sentence = f"{NETWORKS[config.networks[0]]} has less loss than a plain RNN on {task}"
            found.append(dl.Claim(sentence, dl.OURS, NETWORKS["rnn"], f"-{task}_loss"))
        if config.networks[0] == "lstm" and "lstm_0" in config.networks:
            sentence = f"a forget bias of 1 in place of 0 lowers the loss on {task} halfway"
            found.append(dl.Claim(sentence, dl.OURS, NETWORKS["lstm_0"], f"-{task}_halfway"))
    return found


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    name = dataset.name.partition("/")[0]
    if name not in TASKS or not {"guess", "length"} <= set(dataset.about):
        raise UserError(f"--dataset={dataset.name} is no task of memory: say adding/50, copy/50 or recent/50")
    if not config.networks:
        raise UserError(f"--networks is empty: name one of {', '.join(NETWORKS)}")
    length = str(dataset.about["length"])
    tasks = {name: dataset} | {other: load_endless(other, length) for other in config.also if other != name}
    stages = [
        dl.Stage(
            [
                dl.Turn(
                    partial(learn, task=task, first=number * config.steps, steps=config.steps),
                    trains=(f"on_{task}",),
                )
            ],
            config.chain(),
            config.steps,
            name=task,
            data=None if own is dataset else own.train,
        )
        for number, (task, own) in enumerate(tasks.items())
    ]
    rivals = {
        kind: dl.Rival(
            Readers(kind, config.features, config.window, tuple(tasks)),
            stages,
            partial(evaluate, tasks=tasks),
            row=NETWORKS[kind],
        )
        for kind in config.networks
    }
    return dl.side_by_side(
        rivals,
        data=dataset,
        baselines=partial(baselines, tasks=tasks),
        figures=figures,
        claims=claims(config, tasks),
    )


if __name__ == "__main__":
    dl.launch(Config, build)
