"""VADER's lexicon of English words and emoticons, each rated by ten people (Hutto & Gilbert 2014, section 3.1).

The ratings are whole numbers from −4, extremely negative, to 4; the lexicon has no word whose mean is 0. The label
is the sign of the mean, negative or positive, so for a word near 0 it is as good as a coin.
"""

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds

from deeplearn.data.builders import OWN
from deeplearn.data.builders.base import OwnBuilder
from deeplearn.data.partition import by_key

CLASSES = ("negative", "positive")
STEM = 4  # letters by which inflections are kept together
SEED = 0


def words() -> Iterator[tuple[str, float]]:
    """(word or emoticon, mean rating), each word once: of the few that occur twice, the first."""
    found = importlib.util.find_spec("vaderSentiment")
    assert found is not None and found.origin is not None  # the project requires it
    seen = set()
    for line in (Path(found.origin).parent / "vader_lexicon.txt").read_text("utf-8").splitlines():
        word, mean, *_ = line.split("\t")
        if word not in seen:
            seen.add(word)
            yield word, float(mean)


def stem(word: str) -> str:
    """What inflections of a word share: its first letters, which other words may share too."""
    return word[:STEM].casefold()


class Builder(OwnBuilder):
    """Split by the first four letters, so that inflections of a word are in one split: 70 / 10 / 20 % of these.

    Columns text, label and rating, the mean of ten.
    """

    name = "sentiment"
    VERSION = tfds.core.Version(OWN[name].version)
    BUILDER_CONFIGS: tuple = (tfds.core.BuilderConfig(name="words"),)

    def _info(self) -> tfds.core.DatasetInfo:
        features = {
            "text": tfds.features.Text(),
            "label": tfds.features.ClassLabel(names=list(CLASSES)),
            "rating": tfds.features.Scalar(np.float32),
        }
        return tfds.core.DatasetInfo(
            builder=self, description=__doc__, features=tfds.features.FeaturesDict(features)
        )

    def _split_generators(self, dl_manager):
        rows = list(words())
        split = by_key((stem(row[0]) for row in rows), SEED)
        return {
            name: self._generate_examples([row for row in rows if split[stem(row[0])] == name])
            for name in ("train", "validation", "test")
        }

    def _generate_examples(self, rows):
        for number, (word, rating) in enumerate(rows):  # as keys, :\ and :/ would be the same to TFDS
            yield number, {"text": word, "label": CLASSES[rating > 0], "rating": np.float32(rating)}
