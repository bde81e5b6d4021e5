"""How near texts that were written by a model come to those that were wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

BINS = 8


def exact(found: Sequence[str], wanted: Sequence[str]) -> np.ndarray:
    """True where a text is the wanted one, bool [N]."""
    return np.array([one == other for one, other in zip(found, wanted, strict=True)], bool)


def text_agreement(found: Sequence[str], wanted: Sequence[str]) -> dict[str, float]:
    """exact_match, a fraction; chrf and bleu of the whole corpus, from 0 to 100.

    chrf: chrF, the F₂ score of n-grams of one to six characters (Popović 2015). bleu: BLEU (Papineni et al. 2002)
    over characters, as usual for languages without spaces. Both by sacrebleu 2 (Post 2018), which prints them as
    "chrF2|nc:6|nw:0|space:no" and "BLEU|tok:char|smooth:exp".
    """
    from sacrebleu.metrics import BLEU, CHRF

    hypotheses, references = list(found), [list(wanted)]
    return {
        "exact_match": float(exact(found, wanted).mean()),
        "chrf": CHRF().corpus_score(hypotheses, references).score,
        "bleu": BLEU(tokenize="char").corpus_score(hypotheses, references).score,
    }


def by_length(
    lengths: np.ndarray, values: np.ndarray, bins: int = BINS
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean length, mean value and its standard error in bins of equally many rows: each [at most `bins`].

    lengths, values: [N]. Rows of one length are in one bin.
    """
    edges = np.unique(np.quantile(lengths, np.arange(1, bins) / bins))
    place = np.unique(np.searchsorted(edges, lengths, side="left"), return_inverse=True)[1]
    count = np.bincount(place)
    mean, square = (np.bincount(place, x) / count for x in (values, np.square(values.astype(float))))
    error = np.sqrt(np.maximum(square - mean**2, 0) / count)
    return np.bincount(place, lengths) / count, mean, error


def exact_by_part(right: np.ndarray, part: np.ndarray | None, about: Mapping[str, Any]) -> dict[str, float]:
    """The mean of `right` [N] in each of the parts of a test split that has some, and in all that were held out.

    part: int32 [N], places in about["parts"]; about["held_out"]: names of parts that train has nothing of.
    """
    if part is None or "parts" not in about:
        return {}
    groups = {name: part == place for place, name in enumerate(about["parts"])}
    groups["held_out"] = np.isin(part, [about["parts"].index(name) for name in about["held_out"]])
    return {
        f"exact_{name.replace(' ', '_')}": float(right[rows].mean()) for name, rows in groups.items() if rows.any()
    }
