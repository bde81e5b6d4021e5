"""One evaluation of all vectors of sentences, an encoder's and those of baselines."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from deeplearn import train as dl
from deeplearn.baselines.probe import linear_probe
from deeplearn.baselines.sentences import Vectors, rows_of, sentence_baselines
from deeplearn.data import Dataset
from deeplearn.measured import Measured
from deeplearn.metrics.closeness import cosines, of_pairs, of_topics
from deeplearn.sentences.config import compared
from deeplearn.sentences.vectors import POOLINGS, sentence_vectors
from deeplearn.train.trained import Trained

UNTRAINED = "the encoder untrained"


def chosen_by(dataset: Dataset) -> str:
    """The metric by which a method is chosen on validation, and by which methods are compared."""
    return "spearman" if "closeness" in dataset.train.spec else "auroc"


def measure(dataset: Dataset, vectors: Vectors, split: str) -> Measured:
    """What is known about the closeness of a split's rows decides what is measured.

    Of pairs, `metrics.closeness.of_pairs`; of labels, `of_topics`. On test, where sentences have a `meaning`, how
    much of it a linear probe reads: `probe`, the mean accuracy over attributes.
    """
    rows, found = rows_of(dataset, split), vectors(split)
    metrics: dict[str, float] = {}
    arrays: dict[str, np.ndarray] = {"vectors": found}
    if "closeness" in rows:
        metrics |= of_pairs(found, rows)
        arrays["cosine"] = cosines(found)
    if "label" in rows:
        some = compared(len(found))
        metrics |= of_topics(found[some], rows["label"][some])
    if "meaning" in rows and split == "test":
        train, meaning = vectors("train"), rows_of(dataset, "train")["meaning"]
        some = compared(len(train))
        train, meaning = train[some], meaning[some]
        each = [linear_probe(train, meaning[:, k], found, rows["meaning"][:, k]) for k in range(meaning.shape[1])]
        metrics["probe"] = float(np.mean(each))
    return Measured(metrics, arrays)


def split_vectors(trained: dl.Trained, dataset: Dataset, split: str) -> dict[str, np.ndarray]:
    """{pooling: [N, width]} of a split's `rows_of`."""
    found: dict[str, np.ndarray] = trained.over(
        sentence_vectors, rows_of(dataset, split), longest=trained.config.longest
    )
    return found


def best_pooling(trained: dl.Trained, dataset: Dataset) -> str:
    """One of POOLINGS, chosen on validation."""
    found, metric = split_vectors(trained, dataset, "validation"), chosen_by(dataset)

    def score(how: str) -> float:
        return float(measure(dataset, lambda _: found[how], "validation").metrics[metric])

    return max(POOLINGS, key=score)


def evaluate_vectors(trained: dl.Trained, dataset: Dataset) -> dict[str, Measured]:
    """Rows of an encoder: its own, by the pooling that is best on validation, and that of each pooling."""
    best = best_pooling(trained, dataset)
    found = {split: split_vectors(trained, dataset, split) for split in ("train", "test")}

    def pooled(how: str) -> Vectors:
        return lambda split: found[split][how]

    rows = {how: measure(dataset, pooled(how), "test") for how in POOLINGS}
    return {dl.OURS: rows[best], **{POOLINGS[how]: row for how, row in rows.items()}}


def per_token(language: Mapping[str, float]) -> dict[str, float]:
    """Of a mean cross-entropy, "loss" in nats, and how often the most probable token is right, "accuracy"."""
    loss, right = language["loss"], language["accuracy"]
    return {"bits_per_token": loss / math.log(2), "perplexity": math.exp(loss), "token_accuracy": right}


def vector_baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    """{row: thunk}: `sentence_baselines`, and the encoder as it was before it was trained."""

    def untrained() -> Measured:
        some = {key: rows_of(dataset, "test")[key][:1] for key in ("tokens", "length")}
        variables = trained.model.init(trained.key, some, trained.config.longest, method=sentence_vectors)
        fresh = Trained(trained.model, variables, trained.key, trained.config)
        how = best_pooling(fresh, dataset)
        return measured(lambda split: split_vectors(fresh, dataset, split)[how], "test")

    def measured(vectors: Vectors, split: str) -> Measured:
        return measure(dataset, vectors, split)

    return {**sentence_baselines(dataset, measured, chosen_by(dataset)), UNTRAINED: untrained}


def vector_claims(dataset: Dataset) -> list[dl.Claim]:
    """That the encoder's vectors are better than those of each baseline, and know who did it to whom."""
    metric = chosen_by(dataset)
    names = ("TF-IDF", "latent semantic analysis", "averaged word vectors", "SIF", UNTRAINED)
    claims = [dl.Claim(f"its vectors are better than those of {row}", dl.OURS, row, metric) for row in names]
    if "part" in dataset.train.spec:
        sentence = "it tells who did it to whom, which no bag of words can"
        claims.append(dl.Claim(sentence, dl.OURS, "TF-IDF", "trap_their_words"))
    return claims
