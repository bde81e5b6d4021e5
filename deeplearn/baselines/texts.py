"""Classifiers of texts that nobody trains here: n-grams with scikit-learn, and VADER's rules."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from deeplearn.baselines.classical import LIMIT, Thunks, estimator, fit_quietly
from deeplearn.data import Dataset
from deeplearn.errors import UserError
from deeplearn.measured import Measured

BEGIN, END = "\x02", "\x03"  # signs around each text, so that n-grams know where it begins and ends
SIZES = {"character": (3, 4, 5, 6), "word": (1, 2, 3)}  # of the largest n-grams that are tried
POLARITIES = {"negative": "negative", "neg": "negative", "positive": "positive", "pos": "positive"} | {
    "neutral": "neutral",
    "neu": "neutral",
}
NEUTRAL = 0.05  # of VADER's compound score, where there is a neutral class (its authors' own threshold)


def ngrams(dataset: Dataset, limit: int = LIMIT) -> Thunks:
    """{"logistic regression on n-grams", "naive Bayes on n-grams": thunk}, of the first `limit` training texts.

    The n-grams are of 1 to n characters, or of words where the set is cut into these, capitals matter; TF-IDF
    weights them for logistic regression, naive Bayes counts them. First n, then the penalty or smoothing is chosen
    on validation; both are metrics of the rows, as is `examples` where there are more.
    """
    bayes = [("MultinomialNB", {"alpha": alpha}) for alpha in (0.1, 0.03, 0.3)]
    logistic = [("LogisticRegression", {"C": c, "tol": 1e-3, "max_iter": 200}) for c in (10.0, 3.0, 30.0)]
    rows: dict[str, tuple[list[Any], bool]] = {
        "logistic regression on n-grams": (logistic, True),
        "naive Bayes on n-grams": (bayes, False),
    }
    return {name: functools.partial(_row, dataset, *row, limit) for name, row in rows.items()}


def _row(
    dataset: Dataset, candidates: Sequence[tuple[str, dict[str, Any]]], weighted: bool, limit: int
) -> Measured:
    texts, labels = {}, {}
    for split in ("train", "validation", "test"):
        columns = getattr(dataset, split).arrays(limit if split == "train" else None)
        texts[split] = [f"{BEGIN}{text}{END}" for text in columns["text"]]
        labels[split] = columns["label"]
    assert dataset.vocabulary is not None  # tokens have one
    level = "word" if dataset.vocabulary.level == "word" else "character"

    def fit(size: int, name: str, settings: dict[str, Any]) -> tuple[float, dict[str, float], Any, Any]:
        """(accuracy on validation, what was chosen, the counter, the model)."""
        counter = _counter(level, size, weighted)
        model = fit_quietly(estimator(name, **settings), counter.fit_transform(texts["train"]), labels["train"])
        score = float(model.score(counter.transform(texts["validation"]), labels["validation"]))
        return score, {"n": size, **dict(list(settings.items())[:1])}, counter, model

    first, *others = candidates
    best = max((fit(size, *first) for size in SIZES[level]), key=lambda one: one[0])
    best = max([best, *(fit(int(best[1]["n"]), *other) for other in others)], key=lambda one: one[0])
    _, chosen, counter, model = best
    accuracy = float(model.score(counter.transform(texts["test"]), labels["test"]))
    examples = {"examples": limit} if len(dataset.train) > limit else {}
    return Measured({"accuracy": accuracy, **chosen, **examples})


def _counter(level: str, size: int, weighted: bool) -> Any:
    """scikit-learn's counter of n-grams of 1 to `size`."""
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

    cut = {"analyzer": "char"} if level == "character" else {"token_pattern": r"\w+|[^\w\s]"}
    common = {"ngram_range": (1, size), "lowercase": False, "dtype": np.float32, **cut}
    return TfidfVectorizer(sublinear_tf=True, **common) if weighted else CountVectorizer(**common)


def has_polarity(dataset: Dataset) -> bool:
    """Whether its classes are negative and positive, or these and neutral, by these names or neg, neu and pos."""
    found = [POLARITIES.get(name.casefold(), "") for name in dataset.classes]
    return sorted(found) in (["negative", "positive"], ["negative", "neutral", "positive"])


def vader(dataset: Dataset) -> dict[str, Callable[[], Measured]]:
    """{"VADER": thunk} where classes are polarities, {} elsewhere: the rules and lexicon of Hutto & Gilbert 2014.

    VADER is fitted to nothing. A text is neutral where the compound score is within ±.05, its authors' threshold;
    without such a class, positive from 0 upwards. On its own lexicon VADER would know the answers: UserError there.
    """
    return {"VADER": functools.partial(_vader, dataset)} if has_polarity(dataset) else {}


def _vader(dataset: Dataset) -> Measured:
    if dataset.name.startswith("sentiment/"):
        raise UserError(f"{dataset.name} is VADER's own lexicon, so it knows the answers")
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyser = SentimentIntensityAnalyzer()
    place = {POLARITIES[name.casefold()]: number for number, name in enumerate(dataset.classes)}
    test = dataset.test.arrays()
    scores = np.array([analyser.polarity_scores(text)["compound"] for text in test["text"]])
    low, high = (-NEUTRAL, NEUTRAL) if "neutral" in place else (0.0, 0.0)
    neutral = place.get("neutral", place["positive"])
    predicted = np.where(scores >= high, place["positive"], np.where(scores <= low, place["negative"], neutral))
    return Measured({"accuracy": float((predicted == test["label"]).mean())})
