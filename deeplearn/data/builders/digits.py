"""scikit-learn's handwritten digits: 1797 real scans at 8×8 with 17 grey levels.

Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits (the UCI test part).
"""

import numpy as np
import tensorflow_datasets as tfds

from deeplearn.data.builders import OWN
from deeplearn.data.builders.base import OwnBuilder
from deeplearn.data.partition import stratified

SEED = 0


class Builder(OwnBuilder):
    """Train 1097, validation 200, test 500, stratified."""

    name = "digits"
    VERSION = tfds.core.Version(OWN[name].version)
    levels = 17

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=__doc__,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Tensor(shape=(8, 8, 1), dtype=np.uint8),
                    "label": tfds.features.ClassLabel(names=[str(digit) for digit in range(10)]),
                }
            ),
        )

    def _split_generators(self, dl_manager):
        from sklearn.datasets import load_digits

        digits = load_digits()
        images, labels = digits.images.astype(np.uint8)[..., None], digits.target
        validation, test, train = stratified(labels, [200, 500], SEED)
        return {
            "train": self._generate_examples(images, labels, train),
            "validation": self._generate_examples(images, labels, validation),
            "test": self._generate_examples(images, labels, test),
        }

    def _generate_examples(self, images, labels, indices):
        for index in indices.tolist():
            yield index, {"image": images[index], "label": int(labels[index])}
