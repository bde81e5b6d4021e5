"""How well word vectors answer analogies."""

from __future__ import annotations

import numpy as np

from deeplearn.metrics.closeness import unit
from deeplearn.nn.checks import assert_shapes

BLOCK = 512  # questions at a time
EPSILON = 1e-3  # of 3CosMul


def analogy_scores(vectors: np.ndarray, questions: np.ndarray, form: str = "add") -> np.ndarray:
    """How well each word completes "a is to b as c is to …", −inf for a, b and c themselves: [Q, N].

    vectors: [N, D]. questions: ids of a, b, c, [Q, 3]. form: "add", cos(d, b − a + c) up to a factor (Mikolov et
    al. 2013c), or "mul", cos(d, b) cos(d, c) / (cos(d, a) + ε) with cosines moved to [0, 1] (Levy & Goldberg
    2014b).
    """
    assert_shapes(vectors=(vectors, "words features"), questions=(questions, "questions three"))
    words = unit(vectors)
    a, b, c = (words[questions[:, place]] for place in range(3))
    if form == "add":
        scores = (b - a + c) @ words.T
    else:
        to_a, to_b, to_c = ((1 + one @ words.T) / 2 for one in (a, b, c))
        scores = to_b * to_c / (to_a + EPSILON)
    np.put_along_axis(scores, questions, -np.inf, axis=1)
    return scores


def analogy_accuracy(vectors: np.ndarray, questions: np.ndarray, form: str = "add") -> float:
    """The fraction of questions [Q, 4] whose fourth word is the one that scores best among all words [N, D]."""
    right = 0
    for start in range(0, len(questions), BLOCK):
        some = questions[start : start + BLOCK]
        right += int((analogy_scores(vectors, some[:, :3], form).argmax(1) == some[:, 3]).sum())
    return right / max(1, len(questions))
