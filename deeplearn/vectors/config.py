"""The flags of every experiment whose result is word vectors."""

from __future__ import annotations

import dataclasses

from deeplearn.train.config import Config, flag


@dataclasses.dataclass(frozen=True)
class VectorsConfig(Config):
    dataset: str = "persons"
    batch_size: int = 64
    features: int = flag(50, "of a word's vector", min=1)
    window: int = flag(5, "words before and after a word that are near it, at most", min=1)
    min_count: int = flag(1, "words that occur less often are left out", min=1)
    analogies: str = flag("", "file of analogies, as questions-words.txt (empty: those known of the corpus)")
    judged: tuple[str, ...] = flag((), "files of pairs judged by people, as WordSim-353's or SimLex-999's")
