"""How near texts that were written by a model come to those that were wanted."""

from __future__ import annotations

from collections.abc import Sequence

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


def by_length(lengths: np.ndarray, values: np.ndarray, bins: int = BINS) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean length, mean value and its standard error in bins of equally many rows: each [at most `bins`].

    lengths, values: [N]. Rows of one length are in one bin.
    """
    edges = np.unique(np.quantile(lengths, np.arange(1, bins) / bins))
    place = np.unique(np.searchsorted(edges, lengths, side="left"), return_inverse=True)[1]
    count = np.bincount(place)
    mean, square = (np.bincount(place, x) / count for x in (values, np.square(values.astype(float))))
    error = np.sqrt(np.maximum(square - mean**2, 0) / count)
    return np.bincount(place, lengths) / count, mean, error
