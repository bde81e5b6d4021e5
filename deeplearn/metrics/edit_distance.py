"""How far one sequence is from another: insertions, deletions and substitutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def edit_distance(found: Sequence[Any], true: Sequence[Any]) -> int:
    """The least number of insertions, deletions and substitutions that make one of the other (Levenshtein 1966)."""
    above = list(range(len(true) + 1))
    for row, one in enumerate(found, 1):
        here = [row]
        for column, other in enumerate(true, 1):
            here.append(min(above[column] + 1, here[-1] + 1, above[column - 1] + (one != other)))
        above = here
    return above[-1]


def word_error_rate(found: Sequence[str], true: Sequence[str]) -> float:
    """Edits between the words of transcripts and those of the truth, by the number of words in truth; may exceed 1.

    Words are separated by white space. The texts are pairs, one for each recording.
    """
    pairs = [(one.split(), other.split()) for one, other in zip(found, true, strict=True)]
    return sum(edit_distance(*pair) for pair in pairs) / max(1, sum(len(words) for _, words in pairs))
