"""What an odd input may end in: the right data set, or one sentence; never a hang or another exception."""

import re
import signal
from pathlib import Path
from typing import NamedTuple

import numpy as np

from deeplearn import data
from deeplearn.errors import UserError

SECONDS = 10


class Loads(NamedTuple):
    """A data set with these sizes, classes and image shape, one of whose notes says this."""

    sizes: tuple[int, int, int] | None = None
    classes: tuple[str, ...] | None = None
    says: str = ""
    shape: tuple[int, int, int] | None = None
    levels: int | None = 256


class Fails(NamedTuple):
    """One sentence in which this is found."""

    sentence: str


def check(name: str, expected: Loads | Fails, directory: Path) -> None:
    """Loads the data set `name`, whose files lie in `directory`."""
    before = sorted(directory.rglob("*"))
    signal.signal(signal.SIGALRM, _hangs)
    signal.alarm(SECONDS)
    try:
        dataset = data.load(name, directory / "never made")
        for split in (dataset.train, dataset.validation, dataset.test):
            split.arrays()
    except UserError as error:
        assert isinstance(expected, Fails), f"it should load: {error}"
        assert re.search(expected.sentence, str(error)), str(error)
        return
    finally:
        signal.alarm(0)
        assert sorted(directory.rglob("*")) == before
    assert isinstance(expected, Loads), f"it should not load: {dataset}"
    splits = dataset.train, dataset.validation, dataset.test
    if expected.sizes is not None:
        assert tuple(map(len, splits)) == expected.sizes
    if expected.classes is not None:
        assert dataset.classes == expected.classes
        labels = [split.arrays().get("label", np.zeros(0, int)) for split in splits]
        assert set(np.concatenate(labels).tolist()) == set(range(len(expected.classes)))
    if expected.shape is not None:
        assert dataset.image_shape == expected.shape
    assert dataset.levels == expected.levels
    assert re.search(expected.says, "\n".join(dataset.notes)), dataset.notes
    for split in splits:
        image = split.arrays()["image"]
        assert len(image) and image.dtype == np.float32 and 0 <= image.min() <= image.max() <= 1


def _hangs(*_):
    raise AssertionError(f"not loaded after {SECONDS} seconds")
