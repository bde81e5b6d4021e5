"""Small stand-ins for data sets, of the right shapes: for tests of what does not depend on the data."""

import numpy as np

from deeplearn.data import Arrays, Dataset

IMAGES = {"digits": (8, 8, 1), "glyphs": (28, 28, 1), "mnist": (28, 28, 1), "cifar10": (32, 32, 3)}


def pretend(name: str, size: int = 256) -> Dataset:
    rng = np.random.default_rng(0)
    classes = 47 if name == "glyphs" else 10
    if name in IMAGES:
        columns = {
            "image": rng.uniform(size=(size, *IMAGES[name])).astype(np.float32),
            "label": (np.arange(size) % classes).astype(np.int32),
        }
        # A small test split: what is measured on it costs the most.
        train, test = Arrays(columns), Arrays({key: column[:96] for key, column in columns.items()})
        return Dataset(name, train, train, test, classes=tuple(map(str, range(classes))), levels=256, about={})
    means = np.stack(np.meshgrid([-4.0, 0.0, 4.0], [-4.0, 0.0, 4.0]), -1).reshape(-1, 2)
    label = (np.arange(size) % len(means)).astype(np.int32)
    point = (means[label] + 0.05 * rng.normal(size=(size, 2))).astype(np.float32)
    split = Arrays({"point": point, "label": label})
    return Dataset(name, *[split] * 3, classes=(), levels=None, about={"means": means, "sigma": 0.05})
