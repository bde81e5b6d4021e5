"""How well every token of a sequence is tagged: by token and class, and by whole spans of BIO tags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import chex
import numpy as np

OUTSIDE = "O"
Span = tuple[str, int, int]  # kind, first token, one past the last


def is_bio(classes: Sequence[str]) -> bool:
    """Whether the classes are tags of spans, as `spans` reads them: O, and B-KIND or I-KIND at least once."""
    return any(name[:2] in ("B-", "I-") for name in classes) and all(
        name == OUTSIDE or (name[:2] in ("B-", "I-") and len(name) > 2) for name in classes
    )


def spans(tags: Iterable[str]) -> list[Span]:
    """The spans of a sentence's BIO tags, by the rule of CoNLL-2000's conlleval and of seqeval's default mode.

    B-KIND begins a span; so does an I-KIND that follows O, another kind or nothing. A tagger may give such tags.
    """
    found: list[Span] = []
    kind, start = "", 0
    for place, tag in enumerate([*tags, OUTSIDE]):
        prefix, _, own = tag.partition("-")
        if kind and (prefix != "I" or own != kind):
            found.append((kind, start, place))
            kind = ""
        if tag != OUTSIDE and not kind:
            kind, start = own, place
    return found


def span_scores(truth: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> dict[str, float]:
    """`span_precision`, `span_recall` and `span_f1` over all spans, and "span_f1 of KIND" for each kind.

    A span is right where its kind and both ends are (Tjong Kim Sang & De Meulder 2003). The kinds are those of the
    truth. What would be a division by 0 is 0, as in seqeval.

    Args:
        truth, predicted: tags of sentences, equally many for each sentence.
    """
    right, given, wanted = Counter[str](), Counter[str](), Counter[str]()
    for ours, theirs in zip(truth, predicted, strict=True):
        if len(ours) != len(theirs):
            raise ValueError(f"a sentence of {len(ours)} tokens has {len(theirs)} predicted tags")
        true, found = set(spans(ours)), set(spans(theirs))
        for counter, group in ((wanted, true), (given, found), (right, true & found)):
            counter.update(kind for kind, _, _ in group)
    precision, recall, f1 = _scores(right.total(), given.total(), wanted.total())
    scores = {"span_precision": precision, "span_recall": recall, "span_f1": f1}
    kinds = {f"span_f1 of {kind}": _scores(right[kind], given[kind], wanted[kind])[2] for kind in sorted(wanted)}
    return scores | kinds


def token_scores(truth: np.ndarray, predicted: np.ndarray, classes: Sequence[str]) -> dict[str, float]:
    """`accuracy`, `macro_f1`, the mean of the classes' F1, and "f1 of CLASS" for each class that the truth has.

    Args:
        truth, predicted: [tokens] integers, places in `classes`; without padding, at least one.
    """
    chex.assert_equal_shape([truth, predicted])
    chex.assert_rank(truth, 1)
    table = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(table, (truth, predicted), 1)
    scores = {"accuracy": float(table.trace() / table.sum())}
    each = {
        f"f1 of {classes[number]}": _scores(table[number, number], table[:, number].sum(), table[number].sum())[2]
        for number in np.flatnonzero(table.sum(1)).tolist()
    }
    return scores | {"macro_f1": float(np.mean(list(each.values())))} | each


def _scores(right: int, given: int, wanted: int) -> tuple[float, float, float]:
    """Precision, recall and F1."""
    precision, recall = (float(right / count) if count else 0.0 for count in (given, wanted))
    return precision, recall, float(2 * right / (given + wanted)) if given + wanted else 0.0
