"""Modes of stacked images: a judge of single channels tells what is in each (Metz et al. 2017, section 3.3.1)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from deeplearn.data import Arrays, Dataset, Split
from deeplearn.errors import UserError
from deeplearn.judge.judges import Judge, judge

ROWS = 1000  # stacked images whose channels the judge learns from, and is tested on


def kinds(dataset: Dataset) -> int:
    """How many kinds of picture a channel may hold; UserError unless the classes are all their combinations.

    A set of c channels and k kinds has the kᶜ classes a kᶜ⁻¹ + … + z, of which a is the first channel's kind.
    """
    use = "the modes of stacked images are counted, as stacked_glyphs has them"
    dataset.need_labelled_images(use)
    channels = dataset.image_shape[-1]
    kinds = round(len(dataset.classes) ** (1 / channels))
    if channels < 2 or kinds < 2 or kinds**channels != len(dataset.classes):
        raise UserError(
            f"--dataset={dataset.name} has {channels} channel(s) and {len(dataset.classes)} classes, which are not "
            f"the combinations of a picture in each channel: {use}"
        )
    return kinds


def channels_alone(dataset: Dataset) -> Dataset:
    """Each channel of the first images as an image of its own [height, width, 1], with its kind as label."""
    count, channels = kinds(dataset), dataset.image_shape[-1]

    def split(stacked: Split) -> Arrays:
        rows = stacked.arrays(ROWS)
        image = np.moveaxis(rows["image"], -1, 0)[..., None].reshape(-1, *dataset.image_shape[:2], 1)
        powers = count ** np.arange(channels)[::-1, None]
        return Arrays({"image": image, "label": (rows["label"] // powers % count).ravel().astype(np.int32)})

    return dataclasses.replace(
        dataset,
        name=f"channels of {dataset.name}",
        train=split(dataset.train),
        validation=split(dataset.validation),
        test=split(dataset.test),
        classes=tuple(map(str, range(count))),
        facts={},
    )


def judge_of_channels(dataset: Dataset) -> Judge:
    """The judge of `channels_alone`."""
    return judge(channels_alone(dataset))


def stacked_labels(
    images: np.ndarray, judge: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
) -> tuple[np.ndarray, np.ndarray]:
    """The class [N] of stacked images [N, height, width, channels], and the judge's confidence [N].

    The class is made of the likeliest kind of each channel; the confidence is its probability in the least clear
    one. judge: images [n, height, width, 1] -> probabilities [n, kinds], features.
    """
    label, confidence = np.zeros(len(images), np.int64), np.ones(len(images))
    for channel in np.moveaxis(images, -1, 0):
        probabilities, _ = judge(channel[..., None])
        label = label * probabilities.shape[-1] + probabilities.argmax(-1)
        confidence = np.minimum(confidence, probabilities.max(-1))
    return label, confidence
