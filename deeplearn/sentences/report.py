"""Pictures of an evaluation of vectors of sentences."""

from __future__ import annotations

from typing import Any

import numpy as np

from deeplearn import train as dl
from deeplearn.baselines.embeddings import t_sne
from deeplearn.baselines.sentences import rows_of
from deeplearn.data import Dataset
from deeplearn.figures.panels import panels
from deeplearn.figures.plots import bars, curves, scatter
from deeplearn.metrics.closeness import GRADED
from deeplearn.metrics.text import by_length
from deeplearn.sentences.evaluation import chosen_by
from deeplearn.sentences.vectors import POOLINGS

MAPPED = 600  # sentences on a map
SHOWN = -2  # the attribute of a meaning that is shown by colours: of the world, where
BESIDE = "SIF"  # whose map is drawn too
TITLES = {
    "spearman": "Spearman's ρ of cosine and closeness, test",
    "auroc": "AUROC of cosines: same topic or another, test",
    "trap_their_words": "paraphrase nearer than exchanged roles in its words, test (chance .5)",
}


def vector_figures(report: dl.Report, title: str) -> dict[str, Any]:
    """Bars of the metrics by row, curves of the cosine by closeness, maps by t-SNE. title: of our own row."""
    rows = {title if name == dl.OURS else name: row for name, row in report.rows.items()}
    rows = {name: row for name, row in rows.items() if "vectors" in row.arrays}
    dataset, metric = report.dataset, chosen_by(report.dataset)

    def compared(metric: str) -> Any:
        spread = report.spread(metric, ours=title)
        found = {name: spread.get(name, (row.metrics[metric], None)) for name, row in rows.items()}
        return bars(found, TITLES[metric])

    def of_closeness() -> Any:
        test = rows_of(dataset, "test")
        graded = test["part"][::2] == GRADED if "part" in test else slice(None)
        closeness = test["closeness"][::2]
        lines = {
            name: by_length(closeness[: len(row.arrays["cosine"])][graded], row.arrays["cosine"][graded])
            for name, row in rows.items()
            if name not in POOLINGS.values()  # one of which is ours
        }
        return curves(lines, "closeness of two sentences", "cosine of their vectors")

    def maps() -> Any:
        drawn = [(name, rows[name]) for name in (title, BESIDE) if name in rows]
        places, label, classes = _topics(dataset)
        pictures = [
            scatter(t_sne(row.arrays["vectors"][places]), label, classes, title=name) for name, row in drawn
        ]
        return panels(pictures, len(pictures))

    figures: dict[str, Any] = {metric: lambda: compared(metric), "map": maps}
    if "cosine" in report.ours.arrays:
        figures["closeness"] = of_closeness
    if "trap_their_words" in report.ours.metrics:
        figures["traps"] = lambda: compared("trap_their_words")
    return figures


def _topics(dataset: Dataset) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...] | None]:
    """Some test sentences, what they are about, and the names of that: the label, or part of the meaning."""
    test = rows_of(dataset, "test")
    places = np.linspace(0, len(test["text"]) - 1, min(MAPPED, len(test["text"]))).astype(int)
    if "label" in test:
        return places, test["label"][places], dataset.classes or None
    if "meaning" in test:
        values = dataset.about.get("values")
        return places, test["meaning"][places, SHOWN], values and values[SHOWN]
    return places, None, None
