"""Small data sets for the tests of the judge."""

import numpy as np

from deeplearn.data import Arrays, Dataset


def images(shape=(8, 8, 1), classes=3, train=60, test=24, directory=None, seed=0, **changes):
    """A pattern for each class, and noise."""
    rng = np.random.default_rng(seed)
    patterns = rng.uniform(size=(classes, *shape))

    def split(size):
        label = (np.arange(size) % classes).astype(np.int32)
        noise = rng.uniform(size=(size, *shape))
        return Arrays({"image": (0.8 * patterns[label] + 0.2 * noise).astype(np.float32), "label": label})

    splits = {"train": split(train), "validation": split(test), "test": split(test)}
    named = {"name": "patterns", "classes": tuple(map(str, range(classes))), "levels": 256, "directory": directory}
    return Dataset(**{**splits, **named, **changes})
