"""The flags of an experiment that pretrains an encoder of sentences, and the data that suit it."""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np

from deeplearn import train as dl
from deeplearn.data import Dataset, Split
from deeplearn.data.vocabulary import Vocabulary
from deeplearn.errors import UserError


@dataclasses.dataclass(frozen=True)
class SentenceConfig(dl.OptimizerConfig):
    """Derive a page's `Config` from this one."""

    dataset: str = "sentences/world"
    steps: int = 2000
    batch_size: int = 64
    optimizer: str = "adamw"
    learning_rate: float = 2e-3
    schedule: str = "warmup_cosine"
    clip: float = 1.0
    width: int = dl.flag(64, "features of a token's hidden state, a multiple of the heads", min=1)
    layers: int = dl.flag(2, "layers of attention", min=1)
    heads: int = dl.flag(4, "heads of each attention", min=1)
    dropout: float = dl.flag(0.1, "fraction dropped of the embedding and of what each layer gives", min=0, max=0.95)
    longest: int = dl.flag(126, "tokens of a sentence that are read; the model has two places more", min=1)


COMPARED = 2000  # sentences all pairs of which are compared, or that a linear probe is fitted to


def vocabulary_of(config: SentenceConfig, dataset: Dataset) -> Vocabulary:
    """The data set's. UserError, before training, where it has no sentences whose closeness could be known."""
    spec, vocabulary = dataset.train.spec, dataset.vocabulary
    if vocabulary is None or "tokens" not in spec or not {"closeness", "label"} & set(spec):
        raise UserError(
            f"--dataset={dataset.name} has no sentences whose closeness is known: choose sentences/world, "
            "sentences/python_docs, sts:FILE, or csv:FILE@word with labels"
        )
    if config.width % config.heads:
        raise UserError(f"--width={config.width} should be a multiple of --heads={config.heads}")
    for split in ("validation", "test"):
        if not dataset.fact(f"{split} has pairs", partial(_has_pairs, getattr(dataset, split))):
            raise UserError(f"the {split} split of {dataset.name} has no two pairs of which one is closer")
    return vocabulary


def compared(count: int) -> np.ndarray:
    """Of so many rows those that are compared with each other, evenly spaced."""
    return np.linspace(0, count - 1, min(count, COMPARED)).astype(int)


def _has_pairs(split: Split) -> bool:
    """Whether one pair can be closer than another, among those that are compared."""
    rows = split.arrays()
    if "closeness" in rows:
        return len(np.unique(rows["closeness"][::2])) > 1
    label = rows["label"][compared(len(rows["label"]))]
    return 1 < len(np.unique(label)) < len(label)
