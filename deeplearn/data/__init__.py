"""Data: every set by its name, as fixed splits and as an endless stream that is a pure function of the seed.

dataset = data.load("digits")
stream = data.stream(dataset.train, batch_size=32, seed=0)
stream.batch(1000)["image"]          # [32, 8, 8, 1] float32 in [0, 1]; no other after a crash

Sequences of unequal length are `Ragged` columns of `Arrays`; several unpaired splits are an `Unpaired`.
"""

from deeplearn.data.dataset import Dataset
from deeplearn.data.names import load
from deeplearn.data.ragged import Ragged
from deeplearn.data.split import Arrays, Records, Split, numeric
from deeplearn.data.streams import Stream, stream
from deeplearn.data.unpaired import Unpaired
from deeplearn.data.vocabulary import Vocabulary

__all__ = [
    "Arrays",
    "Dataset",
    "Ragged",
    "Records",
    "Split",
    "Stream",
    "Unpaired",
    "Vocabulary",
    "load",
    "numeric",
    "stream",
]
