"""The judge of a data set: a calibrated classifier, trained once and saved."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from absl import logging
from scipy.special import softmax

from deeplearn.data import Dataset, Split
from deeplearn.data.lock import locked
from deeplearn.errors import UserError
from deeplearn.judge import store
from deeplearn.judge.temperature import fitted_temperature
from deeplearn.judge.train import look, network, train
from deeplearn.metrics.calibration import expected_calibration_error
from deeplearn.models.small_convnet import SmallConvNet

BLOCK_BYTES = 4 * 2**20  # of images that the network processes at once: activations take some twenty times as much

Source = Callable[[np.ndarray], np.ndarray]  # indices [n] -> images [n, H, W, C], float32 in [0, 1]


def block_rows(shape: tuple[int, ...], size: int = BLOCK_BYTES, limit: int = 500) -> int:
    """How many images [H, W, C] of float32 take `size` bytes; at least 1."""
    return int(np.clip(size // (4 * math.prod(shape)), 1, limit))


@functools.partial(jax.jit, static_argnums=0)
def _look(model: SmallConvNet, variables: Any, image: jax.Array) -> tuple[jax.Array, jax.Array]:
    seen: Any = model.apply(variables, image, method=look)
    return seen


@dataclasses.dataclass(frozen=True)
class Judge:
    """A classifier of a data set's images whose confidence is calibrated on the validation split.

    shape: [H, W, C] of the images that it was trained on.
    temperature: what its logits are divided by (Guo et al. 2017).
    facts: "accuracy" and "calibration_error" (expected, 15 bins) on the test split, "seconds" of training, and what
        the judge was trained on.
    """

    model: SmallConvNet
    variables: Any
    shape: tuple[int, ...]
    temperature: float
    facts: Mapping[str, Any]

    def logits_and_features(self, source: Source, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Logits [n, classes], uncalibrated, and features [n, 128] of the images at `indices` of a source."""
        rows = block_rows(self.shape)
        parts = [self.block(source(indices[start : start + rows])) for start in range(0, len(indices), rows)]
        logits, features = zip(*parts, strict=True)
        return np.concatenate(logits), np.concatenate(features)

    def block(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Logits and features of at most `block_rows` images, float32 in [0, 1]."""
        # Padded to a power of two, or to a whole block: every number of rows would be compiled again.
        rows = min(1 << (len(images) - 1).bit_length(), block_rows(self.shape))
        full = np.resize(images, (rows, *self.shape))
        logits, features = _look(self.model, self.variables, full)
        return np.asarray(logits)[: len(images)], np.asarray(features)[: len(images)]

    def need(self, images: np.ndarray) -> None:
        """UserError unless the images [n, H, W, C] have the data set's shape."""
        if images.shape[1:] != self.shape:
            raise UserError(f"samples of shape {images.shape} cannot be judged: the data's images are {self.shape}")

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Logits [n, classes] -> calibrated probabilities [n, classes]."""
        return softmax(logits.astype(np.float64) / self.temperature, axis=-1)

    @property
    def metrics(self) -> dict[str, float]:
        """How good the judge itself is, on the test split: to be reported with its measures of samples."""
        return {f"judge_{name}": self.facts[name] for name in ("accuracy", "calibration_error", "temperature")}

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Images [n, H, W, C], floats in [0, 1] or 8 bits -> probabilities [n, classes], features [n, 128].

        UserError for images of another shape than the data set's.
        """
        self.need(images)
        logits, features = self.logits_and_features(array_source(images), np.arange(len(images)))
        return self.probabilities(logits), features


def array_source(images: np.ndarray) -> Source:
    """Of images [n, H, W, C], floats in [0, 1] (clipped) or uint8 of 0 to 255; converted a block at a time."""

    def source(indices: np.ndarray) -> np.ndarray:
        block = images[indices]
        return block / np.float32(255) if block.dtype == np.uint8 else np.clip(block, 0, 1, dtype=np.float32)

    return source


def need_classes(dataset: Dataset) -> None:
    """UserError unless the data set has labelled images whose classes have names, as a judge needs."""
    advice = "samples are judged by a classifier trained on them, so choose a set with classes, such as digits"
    dataset.need_classes(advice)


def judge(dataset: Dataset, seed: int = 0) -> Judge:
    """The judge of a data set of labelled images: trained at the first call, read from its files at later ones.

    It is saved beside the prepared data, by the data's fingerprint, the version of the judge's own code and the
    seed. If several processes need it at once, one trains and the others wait.

    Raises UserError for a set without labelled images.
    """
    need_classes(dataset)
    for path in (places := list(store.paths(dataset, seed))):
        if (kept := _read(path, dataset)) is not None:
            return kept
    for path in places:
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(locked(path.with_suffix(".lock")))
            except OSError:  # a shared directory that is not ours: the next directory is tried
                continue
            # Another process may have trained it while this one waited for the lock.
            if (kept := _read(path, dataset)) is not None:
                return kept
            made = _made(dataset, seed)
            try:
                store.write(path, made.variables, dict(made.facts))
            except OSError as error:
                logging.warning("the judge of samples cannot be kept in %s (%s)", path.parent, error.strerror)
            return made
    logging.warning("no directory for the judge of samples can be written: it will be trained at every start")
    return _made(dataset, seed)


def _read(path: Path, dataset: Dataset) -> Judge | None:
    found = store.read(path)
    if found is None:
        return None
    variables, facts = found
    return Judge(network(dataset), variables, dataset.image_shape, facts["temperature"], facts)


def _made(dataset: Dataset, seed: int) -> Judge:
    begun = time.monotonic()
    variables = jax.tree.map(np.asarray, dict(train(dataset, seed).variables))
    raw = Judge(network(dataset), variables, dataset.image_shape, 1.0, {})

    def seen(split: Split) -> tuple[np.ndarray, np.ndarray]:
        """Logits and labels of a whole split, read one block at a time."""
        rows, logits, labels = block_rows(raw.shape), [], []
        for start in range(0, len(split), rows):
            batch = split.gather(np.arange(start, min(start + rows, len(split))))
            logits.append(raw.block(batch["image"])[0])
            labels.append(batch["label"])
        return np.concatenate(logits), np.concatenate(labels)

    temperature = fitted_temperature(*seen(dataset.validation))
    logits, label = seen(dataset.test)
    calibrated = dataclasses.replace(raw, temperature=temperature)
    facts = {
        **store.identity(dataset, seed),
        "temperature": temperature,
        "accuracy": float((logits.argmax(-1) == label).mean()),
        "calibration_error": expected_calibration_error(calibrated.probabilities(logits), label),
        "seconds": round(time.monotonic() - begun, 1),
    }
    return dataclasses.replace(calibrated, facts=facts)
