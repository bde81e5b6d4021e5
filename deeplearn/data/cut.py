"""How texts are cut into tokens: what stands after @ in a data set's name, such as `csv:FILE@word:5000`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from deeplearn.data.vocabulary import LEVELS, Vocabulary
from deeplearn.errors import UserError

LIMITS = {"character": 10_000, "word": 20_000, "piece": 1000}  # tokens, if the name does not say how many
BYTES = 256  # pieces are made of these


@dataclass(frozen=True)
class Cut:
    """level: "character", "word" or "piece". limit: tokens in the vocabulary, without the special ones."""

    level: str = "character"
    limit: int = LIMITS["character"]

    def vocabulary(self, texts: Iterable[str]) -> Vocabulary:
        """The most frequent tokens of these texts, or the pieces that byte-pair encoding finds in them."""
        kinds = {"character": Vocabulary.characters, "word": Vocabulary.words, "piece": Vocabulary.pieces}
        return kinds[self.level](texts, self.limit)


def split_cut(name: str) -> tuple[str, Cut | None]:
    """Takes "NAME@word:5000" apart: to ("NAME", Cut("word", 5000)); without such an end, the name and None.

    UserError for a level that is misspelt, and for too few tokens.
    """
    match = re.fullmatch(rf"(.+)@({'|'.join(LEVELS)})(?::([0-9]+))?", name, re.DOTALL)
    if not match:
        end = re.search(r"@([a-z]+)(:[0-9]+)?$", name)
        if end and (meant := difflib.get_close_matches(end[1], LEVELS, n=1, cutoff=0.75)):
            raise UserError(
                f"{name} says @{end[1]}: texts are cut by @{', @'.join(LEVELS)}; did you mean @{meant[0]}?"
            )
        return name, None
    level, limit = match[2], int((match[3] or "0")[:9])
    least = BYTES if level == "piece" else 1
    if match[3] and limit < least:
        raise UserError(
            f"{name} allows {limit} {level}s: allow at least {least}, such as @{level}:{LIMITS[level]}."
        )
    return match[1], Cut(level, limit or LIMITS[level])
