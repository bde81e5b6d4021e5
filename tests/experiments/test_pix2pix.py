"""Pix2pix where the pictures have classes: a judge of the targets measures, and one claim more is made."""

import dataclasses

import numpy as np
import pytest

from deeplearn.data import Arrays, Dataset
from deeplearn.errors import UserError
from experiments.adversarial import pix2pix

RNG = np.random.default_rng(0)


class Judge:
    """Sees the mean of a picture, and says class 1 where it is above ½."""

    metrics = {"judge_accuracy": 0.9}

    def __call__(self, images):
        mean = images.mean((1, 2, 3))
        return np.stack([mean <= 0.5, mean > 0.5], -1), np.stack([mean, -mean], -1)


def pairs(rows=12):
    label = (np.arange(rows) % 2).astype(np.int32)
    target = (RNG.uniform(0, 0.4, (rows, 12, 12, 1)) + 0.6 * label[:, None, None, None]).astype(np.float32)
    split = Arrays({"source": 1 - target, "target": target, "label": label})
    return Dataset("outlines/glyphs", split, split, split, classes=("0", "1"), levels=256)


def test_the_judge_is_one_of_the_targets(monkeypatch):
    seen = []
    monkeypatch.setattr(pix2pix, "judge_of", lambda dataset: seen.append(dataset) or Judge())
    dataset = pairs()
    truth = dataset.test.arrays()["target"]
    metrics = pix2pix.measure(truth, dataset).metrics
    assert set(seen[0].train.spec) == {"image", "label"}
    assert metrics["judged_right"] == 1 and metrics["judge_distance"] == pytest.approx(0, abs=1e-9)
    assert metrics["judge_accuracy"] == 0.9
    worse = pix2pix.measure(1 - truth, dataset).metrics
    assert worse["judged_right"] == 0 and worse["l1"] > 0.1


def test_one_claim_more_is_made_and_too_few_pictures_are_a_sentence():
    config = dataclasses.replace(pix2pix.Config(), features=2, batch_size=4)
    claims = pix2pix.build(config, pairs()).claims
    assert [claim.metric for claim in claims] == ["-patch_distance", "-judge_distance"]
    with pytest.raises(UserError, match="too few images"):
        pix2pix.build(config, pairs(2))
    with pytest.raises(UserError, match="sees source and target"):
        pix2pix.build(dataclasses.replace(config, augmentation="colour_jitter,flip"), pairs(400))
