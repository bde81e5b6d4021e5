"""The text encoder that a run of ours has trained."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np

from deeplearn import runs
from deeplearn.data.vocabulary import Vocabulary
from deeplearn.errors import UserError
from deeplearn.models.bert import Bert
from deeplearn.models.gpt2 import Gpt2
from deeplearn.train.checkpoints import read_json
from deeplearn.weights.transformers_folder import TextSource


def is_run(path: Path) -> bool:
    """Whether a directory is a run's: both kinds of folder have a config.json."""
    file = path / "config.json"
    if not file.is_file():
        return False
    try:
        found = read_json(file)
    except UserError:
        return False  # whoever reads it as something else says what is wrong
    return isinstance(found, dict) and "experiment" in found and "model_type" not in found


def of_run(path: Path) -> TextSource:
    """The Bert or Gpt2 of a run whose data have a vocabulary; each text stands between `begin` and `end`.

    Pooled by the mean, unless something else is asked for. UserError for a run of another kind.
    """
    run = runs.open(path)
    module, vocabulary = run.model, run.described.vocabulary
    if not isinstance(module, Bert | Gpt2) or vocabulary is None:
        raise UserError(
            f"{path} is a run of {run.name}, which has no text encoder: its model should be a BERT or GPT-2"
        )
    fingerprint = hashlib.sha256()
    for leaf in jax.tree.leaves(run.weights):
        fingerprint.update(np.asarray(leaf).tobytes())

    def encode(texts: Sequence[str]) -> tuple[list[np.ndarray], int]:
        return enclosed([vocabulary.ids(text) for text in texts], module.length)

    kind, variables = type(module).__name__, dict(run.weights)
    return TextSource(kind, module, variables, encode, module.length, "mean", False, fingerprint.hexdigest())


def enclosed(texts: Sequence[np.ndarray], longest: int) -> tuple[list[np.ndarray], int]:
    """Tokens between `begin` and `end`, at most `longest` with these, and how many texts were cut."""
    room = longest - 2
    found = [np.array([Vocabulary.begin, *text[:room], Vocabulary.end], np.int32) for text in texts]
    return found, sum(len(text) > room for text in texts)
