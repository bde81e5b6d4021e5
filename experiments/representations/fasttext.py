"""fastText: skip-gram whose words are the means of their n-grams of characters, so that unseen words have vectors.

    python -m experiments.representations.fasttext --replicas=5
    python -m experiments.representations.fasttext --dataset=text:FILE@word:100000 --buckets=2000000 --features=100
    python -m deeplearn.vectors neighbours --run=runs/representations.fasttext expressionless

Bojanowski, Grave, Joulin & Mikolov 2017. A word's vector is the mean of a row of its own and of one for each of
its pieces of 3 to 6 characters, hashed into buckets by FNV-1a as in fastText. Each piece gets the whole gradient,
as there (the paper has the sum in place of the mean). Noise is drawn by the root of counts. All else is word2vec's
skip-gram. `deeplearn.vectors` reads and writes fastText's `.bin`.

Measured and drawn: as in word2vec; and `together_unseen`, the same for words of the test text that are too rare to
have been learnt. Rival: skip-gram without pieces, which knows nothing of those.
"""

import dataclasses
from functools import partial

import numpy as np
import optax

from deeplearn import train as dl
from deeplearn.data import Dataset
from deeplearn.data.subwords import LEAST, MOST, parts
from deeplearn.data.word_windows import WordWindows
from deeplearn.errors import UserError
from deeplearn.losses.word_vectors import negative_sampling, per_row
from deeplearn.models.word_vectors import WordVectors
from deeplearn.optim.rows import row_descent
from deeplearn.vectors import Subwords, Vectors
from deeplearn.vectors.config import VectorsConfig
from deeplearn.vectors.evaluate import drawn, measure, ppmi, unseen, vectors_of, word_counts

PLAIN = "skip-gram without pieces"


@dataclasses.dataclass(frozen=True)
class Config(VectorsConfig):
    dataset: str = "text/python_docs@word"
    steps: int = dl.flag(4000, "steps", min=1)
    min_count: int = dl.flag(5, "words that occur less often are left out", min=1)
    buckets: int = dl.flag(20_000, "rows that the n-grams share", min=1)
    least: int = dl.flag(LEAST, "characters of an n-gram, < and > at the word's ends included", min=1)
    most: int = dl.flag(MOST, "characters of an n-gram, at most", min=1)
    negatives: int = dl.flag(5, "noise words that a pair counts for", min=1)
    subsample: float = dl.flag(1e-4, "share of the text above which words are thinned out (0: none)", min=0)
    learning_rate: float = dl.flag(0.05, "of each pair, falling linearly to nothing", min=0)

    PAPER = {"features": 300, "buckets": 2_000_000, "steps": 10**9}
    TINY = {"features": 4, "buckets": 50, "min_count": 1}


def skipgram(model: WordVectors, batch: dl.Batch, negatives: int, pieces: bool) -> dl.Losses:
    near, drawn = batch["context"], batch["noise"]
    center = batch["parts"] if pieces else batch["center"][:, None]
    hidden = model.mean(center, whole_gradient=True)
    total = negative_sampling(hidden, model.outputs(near), near, model.outputs(drawn), drawn, negatives)
    return per_row(total, near)


def vectors(trained: dl.Trained, dataset: Dataset) -> Vectors:
    config, counts = trained.config, word_counts(dataset, trained.config)
    rows = np.asarray(trained.variables["params"]["inputs"]["rows"])
    known = vectors_of(rows[: len(counts)], dataset, counts)
    if len(rows) == len(counts):
        return known
    own = Subwords(known.table, rows[len(counts) :], config.least, config.most)
    return Vectors.of_subwords(known.words, own, known.counts)


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    found = vectors(trained, dataset)
    one = measure(found, dataset, trained.config)
    return dl.ours({**one.metrics, **unseen(found, dataset, trained.config)}, **one.arrays)


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    if config.least > config.most:
        raise UserError(f"--least={config.least} is more than --most={config.most}")
    counts = word_counts(dataset, config)
    assert dataset.vocabulary is not None
    learnt = [token if count else "" for token, count in zip(dataset.vocabulary.tokens, counts, strict=True)]
    rows = parts(learnt, config.buckets, config.least, config.most)
    windows = WordWindows(dataset.train, counts, config.window, config.subsample, parts=rows, power=0.5)
    descent = row_descent(optax.linear_schedule(config.learning_rate, 0.0, config.steps), config.batch_size)
    rivals = {}
    for name, buckets in (("fasttext", config.buckets), ("plain", 0)):
        loss = partial(skipgram, negatives=config.negatives, pieces=buckets > 0)
        stage = dl.Stage([dl.Turn(loss)], descent, config.steps, data=windows)
        model = WordVectors(len(counts) + buckets, len(counts), config.features)
        rivals[name] = dl.Rival(model, [stage], evaluate, row=PLAIN)
    return dl.side_by_side(
        rivals,
        data=dataset,
        baselines=lambda trained, dataset: ppmi(dataset, config),
        figures=partial(drawn, ours="fastText"),
        vectors=lambda trained, dataset: vectors(trained["fasttext"], dataset),
        claims=[dl.Claim("pieces make for better vectors", dl.OURS, PLAIN, "together")],
    )


if __name__ == "__main__":
    dl.launch(Config, build)
