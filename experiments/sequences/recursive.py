"""Recursive networks and tree-LSTMs on gold trees, against an LSTM that reads the words in a row.

    python -m experiments.sequences.recursive --replicas=5
    python -m experiments.sequences.recursive --dataset=trees:train.txt --embedding=100
    python -m deeplearn.runs ask --run=runs/sequences.recursive --text="[MAX 2 9 [MIN 4 7 ] 0 ]"

The data are ListOps expressions (Nangia & Bowman 2018) with two children a node, or a treebank of the user's, one
labelled s-expression a line. A recursive network has h = tanh(W [h_left; h_right] + b) (Socher et al. 2011); the
tree-LSTMs of Tai, Socher & Manning 2015 have gates, the binary one matrices for left and right, the child-sum one a
sum. All are trained on the labels of all phrases (`--nodes=all`; of ListOps also of those that are not closed) or
on the root's alone; the flat LSTM on the label of the largest phrase that ends at each word. Measured on test:
accuracy at the root, among trees of more depth than the median, and of more words. Baselines: the most frequent
label; logistic regression and naive Bayes on runs of up to three words.
"""

import dataclasses
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from deeplearn import train as dl
from deeplearn.baselines.texts import ngrams
from deeplearn.data import Dataset
from deeplearn.data.treebank import asked
from deeplearn.errors import UserError
from deeplearn.figures.plots import curves
from deeplearn.metrics.history import record, recorded
from deeplearn.models.reader import Reader
from deeplearn.models.tree_reader import TreeReader
from deeplearn.nn.cells import LSTMCell

RIVALS = {
    "nary": "binary tree-LSTM",
    "child_sum": "child-sum tree-LSTM",
    "recursive": "recursive network",
    "flat": "LSTM on words",
}
BINS = 8  # at most, of depths and of lengths


@dataclasses.dataclass(frozen=True)
class Config(dl.OptimizerConfig):
    dataset: str = "listops"
    steps: int = 2000
    batch_size: int = 64
    learning_rate: float = 1e-2
    clip: float = 1.0
    nodes: str = dl.flag("all", "the phrases whose labels are learnt", choices=("all", "root"))
    embedding: int = dl.flag(32, "width of the vectors of words", min=1)
    features: int = dl.flag(64, "units of each network", min=1)

    # Tai et al. 2015, section 5.1 and table 1: the constituency tree-LSTM on sentiment.
    PAPER = {"embedding": 300, "features": 150, "batch_size": 25, "optimizer": "adagrad", "learning_rate": 0.05}
    TINY = {"embedding": 3, "features": 4}


class WordReader(nn.Module):
    """An LSTM on the words; logits [B, time, outputs] after each of them."""

    words: int
    outputs: int
    embedding: int
    features: int

    @nn.compact
    def __call__(self, batch: dl.Batch) -> jax.Array:
        x = nn.Embed(self.words, self.embedding)(batch["leaves"])
        return Reader(LSTMCell, self.features, self.outputs, each_step=True)(x, batch["leaf_count"])


def answers(model: Any, batch: dl.Batch) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Logits [B, phrases, classes], labels [B, phrases], −1 where there is none, and the root's place [B]."""
    logits = model(batch).astype(jnp.float32)
    if isinstance(model, WordReader):
        return logits, batch["ends"], batch["leaf_count"] - 1
    return logits, batch["labels"], jnp.zeros(len(logits), jnp.int32)


def root(model: Any, batch: dl.Batch) -> jax.Array:
    """Logits of the whole [B, classes]."""
    logits, _, place = answers(model, batch)
    return logits[jnp.arange(len(logits)), place]


def learn(model: Any, batch: dl.Batch, nodes: str, steps: int) -> dl.Losses:
    logits, labels, place = answers(model, batch)
    if nodes == "root":
        labels = jnp.where(jnp.arange(labels.shape[1]) == place[:, None], batch["label"][:, None], -1)
    nats = optax.softmax_cross_entropy_with_integer_labels(logits, jnp.maximum(labels, 0))
    right = logits[jnp.arange(len(logits)), place].argmax(-1) == batch["label"]
    record(model, "accuracy", right.mean(), batch["step"], steps)
    return dl.Mean.of(nats, labels >= 0), {"accuracy": right.mean()}


def predicted(model: Any, batch: dl.Batch) -> jax.Array:
    """The probabilities of the whole's labels, [B, classes]."""
    return jax.nn.softmax(root(model, batch))


def validate(model: Any, batch: dl.Batch) -> dl.Metrics:
    return {"accuracy": (root(model, batch).argmax(-1) == batch["label"]).mean()}


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    test = dataset.test.arrays()
    right = trained.over(predicted, test).argmax(-1) == test["label"]
    metrics = {"accuracy": right.mean()}
    arrays: dict[str, Any] = {"learning": recorded(trained.variables, "accuracy", trained.config.steps)}
    for name, size in (("depth", test["depth"]), ("words", test["leaf_count"])):
        larger = size > np.median(size)
        if larger.any():
            metrics[f"accuracy_more_{name}"] = right[larger].mean()
        arrays[name] = by_size(size, right)
    return dl.ours(metrics, **arrays)


def by_size(size: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, ...]:
    """(mean size, accuracy, its standard error) of groups of about equal numbers of trees, none of one size cut."""
    ends = np.unique(np.quantile(size, np.linspace(0, 1, BINS + 1)[1:]).round())
    group = np.searchsorted(ends, size)
    parts = [(size[group == one], right[group == one]) for one in np.unique(group)]
    return tuple(
        np.array([fact(sizes, hits) for sizes, hits in parts])
        for fact in (lambda s, _: s.mean(), lambda _, hit: hit.mean(), lambda _, hit: hit.std() / len(hit) ** 0.5)
    )


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    def most_frequent() -> dl.Measured:
        label = np.bincount(dataset.train.arrays()["label"]).argmax()
        return dl.Measured({"accuracy": (dataset.test.arrays()["label"] == label).mean()})

    return {"most frequent label": most_frequent, **ngrams(dataset)}


def figures(report: dl.Report) -> dict[str, Any]:
    rows = report.beside(RIVALS["nary"])
    learning = {name: (row.arrays["learning"][0], row.arrays["learning"][1][:, 0]) for name, row in rows.items()}

    def lines(size: str, xlabel: str) -> Any:
        return curves({name: row.arrays[size] for name, row in rows.items()}, xlabel, "test accuracy")

    return {
        "accuracy_by_depth": lambda: lines("depth", "depth"),
        "accuracy_by_words": lambda: lines("words", "words"),
        "learning": lambda: curves(learning, "steps", "training accuracy at the root"),
    }


def answer(trained: dl.Trained, dataset: Dataset, question: str) -> str:
    """What each network says of one expression or s-expression."""
    columns, value = asked(question, dataset)
    lines = [f"its value: {value}"] if value else []
    for name, title in RIVALS.items():
        probability = np.asarray(trained[name](predicted, columns))[0]
        lines.append(f"{title}: {dataset.classes[probability.argmax()]} ({probability.max():.3f})")
    return "\n".join(lines)


CLAIMS = [
    dl.Claim(
        "the binary tree-LSTM on gold trees is more accurate than an LSTM on words",
        dl.OURS,
        RIVALS["flat"],
        "accuracy",
    ),
    dl.Claim("gates make a recursive network more accurate", dl.OURS, RIVALS["recursive"], "accuracy"),
]


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    if not {"children", "levels", "labels", "leaves"} <= set(dataset.train.spec) or dataset.vocabulary is None:
        raise UserError(f"--dataset={dataset.name} has no trees: say listops, or trees:FILE")
    sizes = (len(dataset.vocabulary), len(dataset.classes), config.embedding, config.features)
    stage = dl.Stage(
        [dl.Turn(partial(learn, nodes=config.nodes, steps=config.steps))], config.chain(), config.steps
    )
    rivals = {
        name: dl.Rival(
            WordReader(*sizes) if name == "flat" else TreeReader(name, *sizes),
            [stage],
            evaluate,
            validate,
            row=title,
        )
        for name, title in RIVALS.items()
    }
    return dl.side_by_side(rivals, data=dataset, baselines=baselines, figures=figures, claims=CLAIMS, answer=answer)


if __name__ == "__main__":
    dl.launch(Config, build)
