"""What every experiment with word vectors measures and draws, and what it stands beside."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from deeplearn.baselines.cooccurrence import ppmi_vectors
from deeplearn.baselines.embeddings import t_sne
from deeplearn.data.dataset import Dataset
from deeplearn.data.persons import analogies, persons
from deeplearn.data.vocabulary import SPECIAL
from deeplearn.data.word_windows import NOISE_POWER, THINNINGS, WordWindows, counted, words_in_rows
from deeplearn.errors import UserError
from deeplearn.figures.plots import bars
from deeplearn.figures.text import text_image
from deeplearn.figures.words import word_map
from deeplearn.measured import Measured
from deeplearn.metrics.closeness import unit
from deeplearn.train.experiment import Report
from deeplearn.vectors.config import VectorsConfig
from deeplearn.vectors.questions import Analogy, name_of, of_analogies, of_judged, read_analogies, read_judged
from deeplearn.vectors.table import Vectors

PAIRS = 20_000  # centres of the test text that are looked at
MAPPED = 150  # words on a map
SHOWN, NEIGHBOURS = 12, 6  # words whose neighbours are printed, and how many
LIMIT = 20_000  # words that the PPMI of a laptop can be factored for


def word_counts(dataset: Dataset, config: VectorsConfig) -> np.ndarray:
    """How often each word stands in train, [vocabulary], 0 for those left out. UserError where none is left.

    It is a fact of the data, so that a run can be opened without them.
    """
    vocabulary = dataset.vocabulary
    if vocabulary is None or vocabulary.level != "word" or not {"tokens", "length"} <= set(dataset.train.spec):
        raise UserError(
            f"--dataset={dataset.name} is no text cut into words: choose persons, text/python_docs@word or "
            "text:FILE@word"
        )
    name = f"counts of words that occur {config.min_count} times"
    if name not in dataset.facts:
        dataset.fact(name, lambda: counted(dataset.train, len(vocabulary), config.min_count))
    counts: np.ndarray = dataset.facts[name]
    different = int((counts > 0).sum())
    if different < 2:
        raise UserError(
            f"{dataset.name} has {different} different word(s) that occur {config.min_count} times: a word has a "
            "meaning only beside others; give a longer text or a smaller --min_count"
        )
    _look_ahead(dataset, config, counts)
    return counts


def _look_ahead(dataset: Dataset, config: VectorsConfig, counts: np.ndarray) -> None:
    """UserError, before anything is trained, for what could not be measured afterwards."""
    if (name := f"words of test that occur {config.min_count} times in train") not in dataset.facts:
        dataset.fact(name, lambda: int(counted(dataset.test, len(counts))[counts > 0].sum()))
    if not dataset.facts[name]:
        raise UserError(f"no word of {dataset.name}'s test text is among those learnt: give a longer text")
    names = [name_of(path) for path in config.judged]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UserError(f"two files of --judged are called {twice}: give one another name")
    assert dataset.vocabulary is not None
    words = {token for token, count in zip(dataset.vocabulary.tokens, counts, strict=True) if count}

    def asked(path: str, pieces: bool, least: int, read: Callable[[], Sequence[Sequence[str]]]) -> None:
        # A fact is found once: the file may have changed, or be gone, when the run is opened.
        if (name := f"questions of {path} that can be asked") not in dataset.facts:
            known = sum(all(pieces or {word, word.lower()} & words for word in one) for one in read())
            dataset.fact(name, lambda: known)
        if dataset.facts[name] < least:
            raise UserError(
                f"{path} asks about words that are not in {dataset.name}: its vectors answer none of it"
            )

    if config.analogies:
        asked(config.analogies, False, 1, lambda: [words for _, *words in read_analogies(config.analogies)])
    pieces = getattr(config, "buckets", 0) > 0  # any word has a vector
    for path in config.judged:
        asked(path, pieces, 2, functools.partial(_judged_words, path))


def _judged_words(path: str) -> list[tuple[str, str]]:
    return [(one, other) for one, other, _ in read_judged(path)]


def questions(dataset: Dataset, config: VectorsConfig) -> dict[str, list[Analogy]]:
    """Analogies by section: of the user's file all together, of `persons` those of each thing that changes."""
    if config.analogies:
        return {"": read_analogies(config.analogies)}
    if not dataset.name.startswith("persons/"):
        return {}
    sections = {"": "sex", "_age": "age", "_role": "role"}
    return {end: [one for one in analogies() if one[0] == changes] for end, changes in sections.items()}


def vectors_of(table: np.ndarray, dataset: Dataset, counts: np.ndarray) -> Vectors:
    """table: [vocabulary, D], float32."""
    assert dataset.vocabulary is not None
    present = np.flatnonzero(counts)
    words = tuple(dataset.vocabulary.tokens[number] for number in present)
    return Vectors(words, np.asarray(table, np.float32)[present], counts[present])


def measure(vectors: Vectors, dataset: Dataset, config: VectorsConfig) -> Measured:
    """`together`, how often a word's cosine with one that stands near it in the test text exceeds that with a word
    drawn by its count to the power .75; accuracy of analogies; ρ with the user's judged pairs. Array: `vectors`."""
    metrics = {"together": together(vectors, dataset, word_counts(dataset, config), config.window)}
    for end, some in questions(dataset, config).items():
        metrics |= {f"{name}{end}": value for name, value in of_analogies(vectors, some).items()}
    for path in config.judged:
        metrics |= {
            f"{name}_{name_of(path)}": value for name, value in of_judged(vectors, read_judged(path)).items()
        }
    return Measured(metrics, {"vectors": vectors.table})


def together(vectors: Vectors, dataset: Dataset, counts: np.ndarray, window: int) -> float:
    """How often a word of the test text is nearer to a word near it than to a drawn one; .5 by chance."""
    windows = WordWindows(dataset.test, counts, window)
    rows = windows.gather(np.linspace(0, len(windows) - 1, min(len(windows), PAIRS)).astype(int))
    units = _table(unit(vectors.table), counts)
    return _nearer(units[rows["center"]], units[rows["context"]], units[rows["noise"]], rows["context"] != 0)


def unseen(vectors: Vectors, dataset: Dataset, config: VectorsConfig) -> dict[str, float]:
    """`together_unseen`: the same of words that are too rare to have been learnt, by the vectors of their n-grams.

    Empty where there are no such vectors, or no such words in the test text.
    """
    vocabulary, counts = dataset.vocabulary, word_counts(dataset, config)
    if vectors.subwords is None or vocabulary is None:
        return {}
    windows = WordWindows(dataset.test, counted(dataset.test, len(vocabulary)), config.window)
    rows = windows.gather(np.arange(len(windows) // THINNINGS))
    rare = counts[rows["center"]] == 0
    rows = {name: column[rare] for name, column in rows.items()}
    near = counts[rows["context"]] > 0
    if not near.any():
        return {}
    composed = {word: vectors.composed(vocabulary.tokens[word]) for word in np.unique(rows["center"]).tolist()}
    units = _table(unit(vectors.table), counts)
    weights = np.cumsum(counts**NOISE_POWER)
    drawn = np.searchsorted(weights / weights[-1], np.random.default_rng(0).random(len(near)), side="right")
    center = unit(np.stack([composed[word] for word in rows["center"].tolist()]))
    return {"together_unseen": _nearer(center, units[rows["context"]], units[drawn], near)}


def _nearer(center: np.ndarray, context: np.ndarray, noise: np.ndarray, near: np.ndarray) -> float:
    """Of unit vectors [N, D], [N, P, D], [N, D], where `near` [N, P]."""
    true = np.einsum("nd,npd->np", center, context)
    false = (center * noise).sum(1)[:, None]
    wins = (true > false) + 0.5 * (true == false)
    return float(wins[near].mean()) if near.any() else 0.5


def running_words(dataset: Dataset, config: VectorsConfig) -> tuple[np.ndarray, int]:
    """(the words of train one after another, −1 between rows, int32 [time]; the size of the vocabulary)."""
    counts = word_counts(dataset, config)
    words, rows = words_in_rows(dataset.train, counts)
    return np.insert(words, np.flatnonzero(np.diff(rows)) + 1, -1), len(counts)


def ppmi(dataset: Dataset, config: VectorsConfig) -> dict[str, Any]:
    """The row "PPMI, factored": vectors of as many features, from counts alone."""

    def row() -> Measured:
        counts = word_counts(dataset, config)
        if len(counts) > LIMIT + len(SPECIAL):
            raise UserError(f"the counts of {len(counts)} words are too many to be factored")
        table = ppmi_vectors(*running_words(dataset, config), config.window, config.features)
        return measure(vectors_of(table, dataset, counts), dataset, config)

    return {"PPMI, factored": row}


def drawn(report: Report, ours: str) -> dict[str, Any]:
    """A map of words, their neighbours, and bars of each metric that compares systems."""
    dataset, config = report.dataset, report.config
    counts = word_counts(dataset, config)

    def own() -> Vectors:
        return vectors_of(_table(report.ours.arrays["vectors"], counts), dataset, counts)

    figures = {
        "map": lambda: mapped(own(), dataset),
        "neighbours": lambda: text_image(neighbours(own())),
    }
    metrics = ["together", *(f"analogies{end}" for end in questions(dataset, config))]
    metrics += [f"similarity_{name_of(path)}" for path in config.judged]
    for metric in metrics:
        if metric in report.ours.metrics:
            figures[metric] = functools.partial(_bars, report, metric, ours)
    return figures


def _table(rows: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Rows of the words that have a count, in the places of the vocabulary: [vocabulary, D], zeros elsewhere."""
    table = np.zeros((len(counts), rows.shape[1]), np.float32)
    table[np.flatnonzero(counts)] = rows
    return table


def _bars(report: Report, metric: str, ours: str) -> Any:
    found: dict[str, tuple[float, float | None]] = dict(report.spread(metric, ours=ours))
    for row, one in report.rows.items():
        if row not in report.replicas[0] and metric in one.metrics:
            found[row] = one.metrics[metric], None
    return bars(found, metric.replace("_", " "))


def mapped(vectors: Vectors, dataset: Dataset) -> Any:
    """t-SNE of the persons, coloured by role, or of the most frequent words."""
    people = {word: role for (role, _, _), word in persons().items()}
    made = dataset.name.startswith("persons/")
    words = [word for word in vectors.words if not made or word in people][:MAPPED]
    points = t_sne(np.stack([vectors[word] for word in words]))
    return word_map(points, words, [people.get(word, "") if made else "" for word in words])


def neighbours(vectors: Vectors) -> str:
    """Some words, evenly spaced among the 200 most frequent ones, and the words nearest to each."""
    frequent = vectors.words[:200]
    chosen = [frequent[place] for place in np.linspace(0, len(frequent) - 1, SHOWN).astype(int)]
    return "\n".join(
        f"{word}: {', '.join(near for near, _ in vectors.nearest(vectors[word], NEIGHBOURS, [word]))}"
        for word in dict.fromkeys(chosen)
    )
