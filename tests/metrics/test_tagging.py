"""Tags against a rule written another way, numbers worked by hand, and scikit-learn."""

import itertools
import re

import numpy as np
import pytest
from sklearn.metrics import f1_score

from deeplearn.metrics.tagging import is_bio, span_scores, spans, token_scores

TAGS = ("O", "B-A", "I-A", "B-B", "I-B")


def by_expression(tags):
    """A span is a first tag of its kind and as many I- of that kind as follow."""
    line = "".join({"O": "o", "B-A": "A", "I-A": "a", "B-B": "B", "I-B": "b"}[tag] for tag in tags)
    return [(match[0][0].upper(), *match.span()) for match in re.finditer("[Aa]a*|[Bb]b*", line)]


@pytest.mark.parametrize("length", range(6))
def test_spans_of_all_short_sentences(length):
    for tags in itertools.product(TAGS, repeat=length):
        assert spans(tags) == by_expression(tags), tags


def test_the_example_of_seqeval_s_documentation():
    truth = [["O", "O", "O", "B-MISC", "I-MISC", "I-MISC", "O"], ["B-PER", "I-PER", "O"]]
    predicted = [["O", "O", "B-MISC", "I-MISC", "I-MISC", "I-MISC", "O"], ["B-PER", "I-PER", "O"]]
    each = {"span_f1 of MISC": 0, "span_f1 of PER": 1}
    expected = {"span_precision": 0.5, "span_recall": 0.5, "span_f1": 0.5, **each}
    assert span_scores(truth, predicted) == expected


def test_spans_worked_by_hand():
    truth = [["B-A", "I-A", "O", "B-B"], ["B-A", "B-A", "O", "O"], ["O"]]
    predicted = [["I-A", "I-A", "O", "B-A"], ["B-A", "I-A", "O", "B-B"], ["B-C"]]
    # Right: the first span alone, whatever letter begins it. Given: 2, 2 and 1; wanted: 2, 2 and 0.
    scores = span_scores(truth, predicted)
    assert scores["span_precision"] == pytest.approx(1 / 5) and scores["span_recall"] == pytest.approx(1 / 4)
    assert scores["span_f1"] == pytest.approx(2 * (1 / 5) * (1 / 4) / (1 / 5 + 1 / 4))
    assert scores["span_f1 of A"] == pytest.approx(2 * (1 / 3) * (1 / 3) / (2 / 3)) and scores["span_f1 of B"] == 0
    assert "span_f1 of C" not in scores
    with pytest.raises(ValueError, match="a sentence of 1 tokens has 2"):
        span_scores([["O"]], [["O", "O"]])


def test_scores_of_tokens_are_scikit_learn_s():
    rng = np.random.default_rng(0)
    truth, predicted = rng.integers(0, 4, 200), rng.integers(0, 5, 200)
    scores = token_scores(truth, predicted, list("abcde"))
    labels = range(4)
    f1 = f1_score(truth, predicted, labels=labels, average=None)
    assert scores["accuracy"] == pytest.approx((truth == predicted).mean())
    assert scores["macro_f1"] == pytest.approx(f1.mean())
    for number, name in enumerate("abcd"):
        assert scores[f"f1 of {name}"] == pytest.approx(f1[number])
    assert "f1 of e" not in scores


def test_what_tags_of_spans_are():
    assert is_bio(TAGS) and is_bio(("B-PER",))
    assert not is_bio(("O",)) and not is_bio(("string", "comment")) and not is_bio(("O", "B-", "I-A"))
