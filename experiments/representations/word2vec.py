"""word2vec: skip-gram and CBOW, with negative sampling and the hierarchical softmax.

    python -m experiments.representations.word2vec --replicas=5
    python -m experiments.representations.word2vec --dataset=text/python_docs@word --features=100 --steps=20000
    python -m deeplearn.vectors analogy --run=runs/representations.word2vec man king woman

Mikolov et al. 2013a and 2013b. A word's vector is learnt so that it tells the words near it (skip-gram), or is told
by the mean of theirs (CBOW). Frequent words are thinned out by the paper's rule or by that of its authors' program,
windows have a random size, noise is drawn by counts to the power .75, one word a row of the batch, shared by its
pairs (under --accumulate and pmap by those of its part), the rate falls linearly, and only the rows that a batch
looks up are changed. All seeds see the same thinned texts and windows, in another order. CBOW comes with its true
gradient, and with that of word2vec's program, where each context gets the gradient of the mean instead of its share
(İrsoy et al. 2021, from whom the larger rate for CBOW is).

Measured: analogies by 3CosAdd and 3CosMul, of `persons` those whose answer is known (king : queen :: man : woman,
and where the age or the role changes); judged pairs by path; `together`, see `deeplearn.vectors.evaluate`.
Baseline: the factored matrix of positive mutual information, vectors that nobody trains.
"""

import dataclasses
from functools import partial
from typing import Any

import jax.numpy as jnp
import optax

from deeplearn import train as dl
from deeplearn.data import Dataset
from deeplearn.data.huffman import huffman
from deeplearn.data.word_windows import FORMS, WordWindows
from deeplearn.losses.word_vectors import hierarchical_softmax, negative_sampling, per_row
from deeplearn.models.word_vectors import WordVectors
from deeplearn.optim.rows import row_descent
from deeplearn.vectors import Vectors
from deeplearn.vectors.config import VectorsConfig
from deeplearn.vectors.evaluate import drawn, measure, ppmi, vectors_of, word_counts

FIRST = "skipgram"
ROWS = {
    "skipgram": "skip-gram",
    "cbow": "CBOW",
    "cbow_original": "CBOW, the program's gradient",
    "skipgram_tree": "skip-gram, hierarchical softmax",
    "cbow_tree": "CBOW, hierarchical softmax",
}
LAST = 1 / 250  # of the rate, when it has fallen


@dataclasses.dataclass(frozen=True)
class Config(VectorsConfig):
    steps: int = dl.flag(1850, "steps; the default is five times through `persons`", min=1)
    kinds: tuple[str, ...] = dl.flag(tuple(ROWS), "what to compare; skipgram must be one", choices=tuple(ROWS))
    negatives: int = dl.flag(5, "noise words that a pair counts for", min=1)
    subsample: float = dl.flag(1e-3, "share of the text above which words are thinned out (0: none)", min=0)
    subsampling: str = dl.flag("program", "the rule by which", choices=FORMS)
    learning_rate: float = dl.flag(0.025, "of each pair, falling linearly", min=0)
    cbow_rate: float = dl.flag(0.075, "the same where contexts get their share of a gradient", min=0)

    # Mikolov et al. 2013b, section 3, on a billion words of news.
    PAPER = {"features": 300, "min_count": 5, "subsample": 1e-5, "subsampling": "paper", "steps": 10**9}
    TINY = {"features": 4, "kinds": ("skipgram", "cbow", "cbow_tree")}


def skipgram(model: WordVectors, batch: dl.Batch, negatives: int) -> dl.Losses:
    near, drawn = batch["context"], batch["noise"]
    hidden = model.inputs(batch["center"])
    return per_row(
        negative_sampling(hidden, model.outputs(near), near, model.outputs(drawn), drawn, negatives), near
    )


def cbow(model: WordVectors, batch: dl.Batch, negatives: int, original: bool) -> dl.Losses:
    near, drawn = batch["context"], batch["noise"]
    word = jnp.where(near.any(1), batch["center"], 0)[:, None]
    hidden = model.mean(near, whole_gradient=original)
    return per_row(
        negative_sampling(hidden, model.outputs(word), word, model.outputs(drawn), drawn, negatives), word
    )


def skipgram_tree(model: WordVectors, batch: dl.Batch) -> dl.Losses:
    near = batch["context"]
    way = model.outputs(batch["path"])
    return per_row(hierarchical_softmax(model.inputs(near), near != 0, way, batch["sign"]), near)


def cbow_tree(model: WordVectors, batch: dl.Batch) -> dl.Losses:
    near = batch["context"]
    told = near.any(1, keepdims=True)
    way = model.outputs(batch["path"])
    return per_row(hierarchical_softmax(model.mean(near)[:, None], told, way, batch["sign"]), told)


def vectors(trained: dl.Trained, dataset: Dataset) -> Vectors:
    counts = word_counts(dataset, trained.config)
    return vectors_of(trained.variables["params"]["inputs"]["rows"][: len(counts)], dataset, counts)


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    return {dl.OURS: measure(vectors(trained, dataset), dataset, trained.config)}


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    counts = word_counts(dataset, config)
    codes = huffman(counts) if any("tree" in kind for kind in config.kinds) else None
    windows = WordWindows(dataset.train, counts, config.window, config.subsample, config.subsampling, codes)
    losses: dict[str, Any] = {
        "skipgram": partial(skipgram, negatives=config.negatives),
        "cbow": partial(cbow, negatives=config.negatives, original=False),
        "cbow_original": partial(cbow, negatives=config.negatives, original=True),
        "skipgram_tree": skipgram_tree,
        "cbow_tree": cbow_tree,
    }
    rivals = {}
    for kind in dl.named("kinds", config.kinds, tuple(ROWS), FIRST):
        rate = config.cbow_rate if kind in ("cbow", "cbow_tree") else config.learning_rate
        falling = optax.linear_schedule(rate, LAST * rate, config.steps)
        descent = row_descent(falling, config.batch_size)
        stage = dl.Stage([dl.Turn(losses[kind], called=kind)], descent, config.steps, data=windows)
        model = WordVectors(len(counts), len(counts), config.features)
        rivals[kind] = dl.Rival(model, [stage], evaluate, row=ROWS[kind])
    compared = {"cbow": "cbow_original", "skipgram": "cbow"}
    claims = [
        dl.Claim(f"{ROWS[one]} is above {ROWS[other]}", dl.OURS if one == FIRST else ROWS[one], ROWS[other], metric)
        for metric in ("together", *(["analogies"] if dataset.name.startswith("persons/") else []))
        for one, other in compared.items()
        if {one, other} <= set(config.kinds)
    ]
    return dl.side_by_side(
        rivals,
        data=dataset,
        baselines=lambda trained, dataset: ppmi(dataset, config),
        figures=partial(drawn, ours=ROWS[FIRST]),
        vectors=lambda trained, dataset: vectors(trained[FIRST], dataset),
        claims=claims,
    )


if __name__ == "__main__":
    dl.launch(Config, build)
