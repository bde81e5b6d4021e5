"""Pictures of an evaluation: those that its numbers allow."""

import numpy as np
import pytest
from PIL import Image

from deeplearn.measured import OURS
from deeplearn.sentences.evaluation import evaluate_vectors
from deeplearn.sentences.report import vector_figures
from deeplearn.train.experiment import Report

from .toy import CLOSENESS, dataset, trained

PAIRED = {"closeness": np.repeat(np.float32(CLOSENESS), 2)}
PARTS = {"part": np.repeat([0, 0, 1, 2], 2).astype(np.int32), "meaning": np.eye(8, dtype=np.int32)}


@pytest.mark.parametrize(
    ("columns", "drawn"),
    [
        (PAIRED, {"spearman", "map", "closeness"}),
        (PAIRED | PARTS, {"spearman", "map", "closeness", "traps"}),
        ({"label": np.array([0, 0, 1, 0, 1, 0, 0, 1], np.int32)}, {"auroc", "map"}),
    ],
)
def test_what_is_drawn(columns, drawn):
    data = dataset(**columns)
    rows = evaluate_vectors(trained(data), data)
    each = {name: row.metrics for name, row in rows.items()}
    figures = vector_figures(Report(rows, [each, each], trained(data), data), "table")
    assert set(figures) == drawn and OURS in rows
    for draw in figures.values():
        assert isinstance(draw(), Image.Image)
