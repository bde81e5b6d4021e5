"""ListOps: nested operations on lists of digits, and what they give (Nangia & Bowman 2018)."""

import numpy as np
import tensorflow_datasets as tfds

from deeplearn.data.builders import OWN
from deeplearn.data.builders.base import OwnBuilder
from deeplearn.data.listops import binary, generated

SIZES = {"train": 20_000, "validation": 2000, "test": 4000}
LONGEST = 30  # words of an expression


def expressions(sizes: dict[str, int]) -> dict[str, list[str]]:
    """{split: expressions}, none twice: those that the grammar gives, but for those of more than LONGEST words."""
    found: dict[str, None] = {}  # in their order
    number = 0
    while len(found) < sum(sizes.values()):
        words = binary(generated((0, number))).leaves
        number += 1
        if len(words) <= LONGEST:
            found[" ".join(words)] = None
    # Short ones are used up by the first draws, so the order is no order of chance.
    order, texts = np.random.default_rng(0).permutation(len(found)), list(found)
    ends = np.cumsum(list(sizes.values()))
    return {
        split: [texts[row] for row in order[end - size : end]]
        for (split, size), end in zip(sizes.items(), ends, strict=True)
    }


class Builder(OwnBuilder):
    """20,000 expressions to train on, 2,000 to validate and 4,000 to test, all different."""

    name = "listops"
    VERSION = tfds.core.Version(OWN[name].version)

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=__doc__,
            features=tfds.features.FeaturesDict({"text": tfds.features.Text()}),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(texts) for split, texts in expressions(SIZES).items()}

    def _generate_examples(self, texts):
        for index, text in enumerate(texts):
            yield index, {"text": text}
