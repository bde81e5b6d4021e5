"""Modes of stacked images, told by a judge that is right by construction."""

import dataclasses

import numpy as np
import pytest

from deeplearn.data import Arrays
from deeplearn.errors import UserError
from deeplearn.judge.stacked import channels_alone, kinds, stacked_labels
from deeplearn.metrics.mixture import modes_of

from .sets import images


def drawn(labels, channels=3, count=4):
    """Images of channels that are as bright as their kind: [N, 2, 3, channels]."""
    digits = labels[:, None] // count ** np.arange(channels)[::-1] % count
    return np.broadcast_to((digits / count)[:, None, None], (len(labels), 2, 3, channels)).astype(np.float32)


def by_brightness(channel):
    """Never wrong about `drawn`; less sure of kind 1 than of the others."""
    assert channel.shape[1:] == (2, 3, 1)
    kind = (4 * channel.mean((1, 2, 3))).round().astype(int)
    sure = np.where(kind == 1, 0.4, 0.5)[:, None]
    return np.where(np.eye(4, dtype=bool)[kind], sure, (1 - sure) / 3), None


def test_a_judge_of_channels_counts_the_modes_of_stacks():
    labels = np.array([0, 63, 42, 42, 35, 56, 0, 1])
    found, confidence = stacked_labels(drawn(labels), by_brightness)
    np.testing.assert_array_equal(found, labels)
    np.testing.assert_allclose(confidence, np.where(labels == 1, 0.4, 0.5))
    counted = modes_of(found, 64)
    p = np.array([2, 1, 2, 1, 1, 1]) / 8
    assert counted["modes"] == 6
    assert counted["reverse_kl"] == pytest.approx(np.sum(p * np.log(p * 64)))
    assert modes_of(np.arange(64), 64) == {"modes": 64, "reverse_kl": pytest.approx(0, abs=1e-12)}


def test_channels_alone_have_the_kind_that_their_judge_sees():
    labels = np.random.default_rng(0).integers(64, size=20).astype(np.int32)
    split = Arrays({"image": drawn(labels), "label": labels})
    splits = dict.fromkeys(("train", "validation", "test"), split)
    stacked = dataclasses.replace(images(shape=(2, 3, 3), classes=64), **splits)
    alone = channels_alone(stacked).train.arrays()
    assert kinds(stacked) == 4 and alone["image"].shape == (60, 2, 3, 1)
    np.testing.assert_array_equal(by_brightness(alone["image"])[0].argmax(-1), alone["label"])


@pytest.mark.parametrize(("shape", "classes"), [((8, 8, 1), 10), ((8, 8, 3), 10), ((8, 8, 3), 1)])
def test_other_images_are_a_sentence(shape, classes):
    with pytest.raises(UserError, match="not the combinations of a picture in each channel"):
        kinds(images(shape=shape, classes=classes))
