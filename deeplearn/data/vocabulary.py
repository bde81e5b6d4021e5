"""Texts as integers, and back."""

from __future__ import annotations

import functools
import itertools
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

SPECIAL = ("<pad>", "<unknown>", "<begin>", "<end>")  # ids 0, 1, 2, 3 of every vocabulary
LEVELS = ("character", "word", "piece")
WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True)
class Vocabulary:
    """Tokens and their ids, both ways: tokens[id].

    tokens: all different; the first four are SPECIAL. A text that spells one of these gets `unknown`.
    level: how a text is cut: "character"; "word" (runs of letters and digits; every other sign by itself); "piece",
        runs of bytes that are frequent (byte-pair encoding, Sennrich et al. 2016), which can write every text.
    merges: the pieces' own: which two become one, in their order.
    """

    tokens: tuple[str, ...]
    level: str
    merges: tuple[tuple[str, str], ...] = ()

    pad, unknown, begin, end = range(4)

    def __post_init__(self) -> None:
        if self.tokens[:4] != SPECIAL or len(set(self.tokens)) < len(self.tokens):
            raise ValueError(f"the tokens of a vocabulary are {SPECIAL} and others, each once")
        if self.level not in LEVELS:
            raise ValueError(f"a vocabulary's level is one of {LEVELS}, not {self.level!r}")

    @classmethod
    def characters(cls, texts: Iterable[str], limit: int | None = None) -> Vocabulary:
        """The characters of these texts, the most frequent first, at most `limit` in addition to the special
        tokens."""
        return cls._counted(itertools.chain.from_iterable(texts), "character", limit)

    @classmethod
    def words(cls, texts: Iterable[str], limit: int | None = None) -> Vocabulary:
        """The words and signs of these texts, the most frequent first, at most `limit` in addition to the special
        tokens."""
        return cls.of((token for text in texts for token in WORD.findall(text)), limit)

    @classmethod
    def of(cls, words: Iterable[str], limit: int | None = None) -> Vocabulary:
        """These words, cut by somebody else, the most frequent first, at most `limit` in addition to the special
        tokens."""
        return cls._counted(words, "word", limit)

    @classmethod
    def pieces(cls, texts: Iterable[str], limit: int) -> Vocabulary:
        """The 256 bytes and what byte-pair encoding merges in these texts, `limit` in all or fewer."""
        import json

        from tokenizers import Tokenizer, models, trainers

        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = _byte_level()
        alphabet = sorted(_byte_level().alphabet())
        trainer = trainers.BpeTrainer(vocab_size=limit, initial_alphabet=alphabet, show_progress=False)
        tokenizer.train_from_iterator(texts, trainer)
        found = json.loads(tokenizer.to_str())["model"]
        ordered = sorted(found["vocab"], key=found["vocab"].get)
        return cls(SPECIAL + tuple(ordered), "piece", tuple((left, right) for left, right in found["merges"]))

    @classmethod
    def _counted(cls, tokens: Iterable[str], level: str, limit: int | None) -> Vocabulary:
        counts = Counter(tokens)
        ordered = sorted(counts.keys() - set(SPECIAL), key=lambda token: (-counts[token], token))
        return cls(SPECIAL + tuple(ordered[:limit]), level)

    def __len__(self) -> int:
        return len(self.tokens)

    def cut(self, text: str) -> list[str]:
        """A text's characters, words or pieces."""
        if self.level == "piece":
            return self._tokenizer.encode(text).tokens
        return list(text) if self.level == "character" else WORD.findall(text)

    def join(self, tokens: Iterable[str]) -> str:
        """A text of these tokens; words are separated by spaces, whatever was between them."""
        if self.level == "piece":
            from tokenizers import decoders

            # Unlike the pieces, a special token is not spelt in bytes.
            groups = itertools.groupby(tokens, SPECIAL.__contains__)
            return "".join(
                "".join(group) if whole else decoders.ByteLevel().decode([*group]) for whole, group in groups
            )
        return ("" if self.level == "character" else " ").join(tokens)

    def encode(self, tokens: Iterable[str]) -> np.ndarray:
        """int32 [length]; tokens that are not in the vocabulary get `unknown`."""
        return np.array([self._ids.get(token, self.unknown) for token in tokens], np.int32)

    def ids(self, text: str) -> np.ndarray:
        """int32 [length]: `encode(cut(text))`, at once."""
        return self.encode(text if self.level == "character" else self.cut(text))

    def decode(self, ids: Iterable[int]) -> list[str]:
        """The tokens up to the first `end`, `pad` and `begin` left out."""
        tokens = []
        for number in np.asarray(ids, int).tolist():
            if number == self.end:
                break
            if number not in (self.pad, self.begin):
                tokens.append(self.tokens[number])
        return tokens

    def text(self, ids: Iterable[int]) -> str:
        """`join(decode(ids))`."""
        return self.join(self.decode(ids))

    @functools.cached_property
    def _ids(self) -> dict[str, int]:
        return {token: number for number, token in enumerate(self.tokens) if number >= len(SPECIAL)}

    @functools.cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer, models

        tokenizer = Tokenizer(models.BPE(self._ids, list(self.merges)))
        tokenizer.pre_tokenizer = _byte_level()
        return tokenizer


def _byte_level() -> Any:
    from tokenizers import pre_tokenizers

    return pre_tokenizers.ByteLevel(add_prefix_space=False)
