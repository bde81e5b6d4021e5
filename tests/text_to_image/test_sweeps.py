"""Each sampler gets as many levels as its evaluations allow, and a curve shows what was measured."""

import numpy as np

from deeplearn.models.samplers import SAMPLERS, evaluations
from deeplearn.text_to_image.sweeps import by_evaluations, evaluation_curves


def test_rows_and_curves_count_the_evaluations_that_were_made():
    asked = []

    def draw(sampler, levels):
        asked.append((sampler, levels))
        return np.full(3, evaluations(sampler, levels))

    rows = by_evaluations(draw, lambda made: {"quality": float(made.sum())}, counts=(5, 10))
    assert len(asked) == len(rows) == 2 * len(SAMPLERS)
    assert ("heun", 5) in asked and ("heun", 3) in asked and ("dpm++", 10) in asked
    assert rows["heun, 10 evaluations"].metrics == {"quality": 27.0, "evaluations": 9.0}
    assert rows["dpm++, 10 evaluations"].metrics == {"quality": 30.0, "evaluations": 10.0}
    lines = evaluation_curves({**rows, "another row": rows["ddim, 5 evaluations"]}, "quality")
    assert lines["heun"] == ([5.0, 9.0], [15.0, 27.0]) and set(lines) == set(SAMPLERS)
