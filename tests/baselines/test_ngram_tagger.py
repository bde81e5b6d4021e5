"""The n-gram tagger against counting written out plainly, and on sequences whose answer is known."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from deeplearn.baselines.ngram_tagger import NgramTagger, ngram_taggers
from deeplearn.data import Arrays, Dataset
from deeplearn.measured import Measured


def sequences(seed, rows=12, longest=9):
    rng = np.random.default_rng(seed)
    length = rng.integers(1, longest + 1, rows).astype(np.int32)
    tokens, tags = rng.integers(4, 7, (rows, longest)), rng.integers(0, 3, (rows, longest))
    inside = np.arange(longest) < length[:, None]
    # At padding there may be anything.
    return {"tokens": tokens.astype(np.int32), "tags": np.where(inside, tags, 9).astype(np.int32), "length": length}


def plainly(train, test, widths, both, history):
    def context(tokens, place, size):
        left = size // 2 if both else size - 1
        at = range(place - left, place + size - left)
        return tuple(tokens[i] if 0 <= i < len(tokens) else None for i in at)

    counts = defaultdict(Counter)
    for tokens, tags, length in zip(train["tokens"], train["tags"], train["length"], strict=True):
        for place in range(length):
            for size in widths:
                before = (tags[place - 1] if place else None) if history else None
                counts[context(tokens[:length], place, size), before][tags[place]] += 1
    common = np.bincount(
        np.concatenate([x[:n] for x, n in zip(train["tags"], train["length"], strict=True)])
    ).argmax()
    given = []
    for tokens, length in zip(test["tokens"], test["length"], strict=True):
        row = []
        for place in range(length):
            tag = common
            for size in widths:
                found = counts.get(
                    (context(tokens[:length], place, size), (row[-1] if row else None) if history else None)
                )
                if found:
                    tag = min(found, key=lambda tag: (-found[tag], tag))
            row.append(tag)
        given.append(row)
    return given


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("history", [False, True])
@pytest.mark.parametrize("widths", [(1,), (1, 2, 3, 4), (2, 5)])
def test_it_is_the_most_frequent_tag_of_the_longest_context_seen(widths, both, history):
    train, test = sequences(0), sequences(1)
    test["tokens"][0, 0] = 99  # never seen
    predicted = NgramTagger(widths, both, history).fit(train).predict(test)
    expected = plainly(train, test, widths, both, history)
    assert [row[:n].tolist() for row, n in zip(predicted, test["length"], strict=True)] == expected


def test_the_width_is_chosen_on_validation_alone():
    """In validation two tokens decide, as in training; what test says does not count."""
    rng = np.random.default_rng(0)
    tokens = rng.integers(4, 8, (60, 10)).astype(np.int32)
    tags = np.pad(tokens, ((0, 0), (1, 0)))[:, :-1] % 2
    columns = {"tokens": tokens, "tags": tags.astype(np.int32), "length": np.full(60, 10, np.int32)}
    test = {**columns, "tags": np.zeros_like(columns["tags"])}
    dataset = Dataset("own", *[Arrays(one) for one in (columns, columns, test)], classes=("even", "odd"))
    rows = ngram_taggers(
        dataset, lambda predicted: Measured({"wrong": float((predicted != columns["tags"]).mean())})
    )
    for row in rows.values():
        measured = row().metrics
        assert measured["n"] == 2 and measured["wrong"] == 0
