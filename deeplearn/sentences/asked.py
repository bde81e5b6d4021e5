"""What a trained encoder of sentences is asked: which training sentences are nearest to a text?"""

from __future__ import annotations

import numpy as np

from deeplearn import train as dl
from deeplearn.baselines.sentences import rows_of
from deeplearn.data import Dataset
from deeplearn.data.vocabulary import Vocabulary
from deeplearn.errors import UserError
from deeplearn.metrics.closeness import unit
from deeplearn.sentences.evaluation import best_pooling, split_vectors
from deeplearn.sentences.vectors import sentence_vectors

NEAREST = 5  # sentences that are told


def checked(trained: dl.Trained, vocabulary: Vocabulary, ids: np.ndarray, text: str) -> np.ndarray:
    """The tokens of a text that is asked about. UserError where they are too many, or none of them is known."""
    if len(ids) > (longest := trained.config.longest):
        raise UserError(
            f"{text[:40]!r} has {len(ids)} {vocabulary.level}s, and the encoder reads {longest}: shorten it"
        )
    if not np.any(ids != vocabulary.unknown):
        raise UserError(f"the training data have no {vocabulary.level} of {text!r}: ask about a text like theirs")
    return ids


def nearest(trained: dl.Trained, dataset: Dataset, ids: np.ndarray) -> str:
    """The training sentences with the largest cosines, a line each: the cosine and the sentence."""
    batch = {"tokens": ids[None], "length": np.array([len(ids)], np.int32)}
    pooling = best_pooling(trained, dataset)
    query = trained(sentence_vectors, batch, longest=trained.config.longest)[pooling]
    texts, first = np.unique(rows_of(dataset, "train")["text"], return_index=True)
    cosine = unit(split_vectors(trained, dataset, "train")[pooling][first]) @ unit(np.asarray(query))[0]
    best = np.argsort(-cosine, kind="stable")[:NEAREST]
    return "\n".join(f"{cosine[place]:.3f}  {texts[place]}" for place in best)
