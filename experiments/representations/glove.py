"""GloVe: word vectors whose products are the logarithms of how often words stand near each other.

    python -m experiments.representations.glove --replicas=5
    python -m experiments.representations.glove --dataset=text:FILE@word --features=100 --x_max=100
    python -m deeplearn.vectors neighbours --run=runs/representations.glove value

Pennington, Socher & Manning 2014. Counts X of pairs are taken once, a pair d words apart counting 1 / d. Then
w·w̃ + b + b̃ is fitted to ln X by least squares weighed by min(1, (X / 100)^¾), with AdaGrad from .05, whose sums
begin at 1, as in the paper's program; each pair changes two rows. What is kept is w + w̃.

The weights' 100 is for billions of words; here it is 10. Pairs that never occur are not seen at all: where only
they tell words apart, as in `persons`, nothing is learnt.

Measured and drawn: as in word2vec. Rivals: w alone; the same without weights, where each pair counts alike.
Baseline: the factored matrix of positive mutual information of the same text.
"""

import dataclasses
from functools import partial

import numpy as np

from deeplearn import train as dl
from deeplearn.baselines.cooccurrence import co_occurrences
from deeplearn.data import Arrays, Dataset
from deeplearn.data.later import Later
from deeplearn.losses.word_vectors import weighed_least_squares
from deeplearn.models.word_vectors import LogCounts
from deeplearn.optim.rows import row_adagrad
from deeplearn.vectors import Vectors
from deeplearn.vectors.config import VectorsConfig
from deeplearn.vectors.evaluate import drawn, measure, ppmi, running_words, vectors_of, word_counts

WORDS_ALONE, UNWEIGHED = "w without w̃", "each pair counts alike"


@dataclasses.dataclass(frozen=True)
class Config(VectorsConfig):
    dataset: str = "text/python_docs@word"
    steps: int = dl.flag(11_000, "steps; the default is 25 times through the pairs of the default text", min=1)
    batch_size: int = 256
    min_count: int = dl.flag(5, "words that occur less often are left out", min=1)
    learning_rate: float = dl.flag(0.05, "of AdaGrad", min=0)
    x_max: float = dl.flag(10.0, "count from which a pair has the full weight", min=1e-9)
    power: float = dl.flag(0.75, "of the weight below", min=0)

    # Section 4.2: 300 features, a window of 10, 50 iterations or 100 over the counts of 6 billion words.
    PAPER = {"features": 300, "window": 10, "x_max": 100.0, "steps": 10**9}
    TINY = {"features": 4, "min_count": 1}


def fit_counts(model: LogCounts, batch: dl.Batch, x_max: float, power: float) -> dl.Losses:
    total = weighed_least_squares(model(batch["word"], batch["context"]), batch["count"], x_max, power)
    return total / len(batch["word"]), {}


def pairs(dataset: Dataset, config: Config) -> Arrays:
    """Every pair of words that stand near each other in train, with its count."""
    words, size = running_words(dataset, config)
    found = co_occurrences(words, size, config.window, harmonic=True).tocoo()
    columns = {"word": found.row, "context": found.col}
    return Arrays(
        {**{name: ids.astype(np.int32) for name, ids in columns.items()}, "count": found.data.astype("f4")}
    )


def vectors(trained: dl.Trained, dataset: Dataset, contexts: bool = True) -> Vectors:
    tables = trained.variables["params"]
    table = tables["inputs"]["rows"] + (tables["outputs"]["rows"] if contexts else 0)
    return vectors_of(table[:, :-1], dataset, word_counts(dataset, trained.config))


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    return {dl.OURS: measure(vectors(trained, dataset), dataset, trained.config)}


def evaluate_both(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    alone = measure(vectors(trained, dataset, contexts=False), dataset, trained.config)
    return {**evaluate(trained, dataset), WORDS_ALONE: alone}


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    counts, found = word_counts(dataset, config), Later(partial(pairs, dataset, config))
    rivals = {}
    for name, x_max, measured in (("glove", config.x_max, evaluate_both), ("unweighed", 1e-9, evaluate)):
        loss = partial(fit_counts, x_max=x_max, power=config.power)
        adagrad = row_adagrad(config.learning_rate, config.batch_size)
        stage = dl.Stage([dl.Turn(loss)], adagrad, config.steps, data=found)
        rivals[name] = dl.Rival(LogCounts(len(counts), config.features), [stage], measured, row=UNWEIGHED)
    return dl.side_by_side(
        rivals,
        data=dataset,
        baselines=lambda trained, dataset: ppmi(dataset, config),
        figures=partial(drawn, ours="GloVe"),
        vectors=lambda trained, dataset: vectors(trained["glove"], dataset),
        claims=[dl.Claim("weights make for better vectors", dl.OURS, UNWEIGHED, "together")],
    )


if __name__ == "__main__":
    dl.launch(Config, build)
