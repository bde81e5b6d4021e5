"""Retrieval and classification by vectors that are known: perfect ones, useless ones, and of one part alone."""

import numpy as np
import pytest

from deeplearn import data
from deeplearn.judge.combinations import PARTS
from deeplearn.text_to_image.clip_evaluation import (
    classified,
    clip_baselines,
    retrieval,
    splits_of,
    ways_of,
    zero_shot,
)


@pytest.fixture(scope="module")
def emoji(data_dir):
    return data.load("openmoji/people-16", data_dir)


@pytest.fixture(scope="module")
def oracle(emoji):
    """(images, texts): encoders that look a row up and give the vector of its class."""
    splits = splits_of(emoji).values()
    of_image = {
        image.tobytes(): name for rows in splits for image, name in zip(rows["image"], rows["name"], strict=True)
    }
    of_text = {t.tobytes(): name for rows in splits for t, name in zip(rows["tokens"], rows["name"], strict=True)}
    vectors = np.random.default_rng(0).normal(size=(1 + max(of_image.values()), 32))
    return (
        lambda rows: vectors[[of_image[image.tobytes()] for image in rows["image"]]],
        lambda rows: vectors[[of_text[tokens.tobytes()] for tokens in rows["tokens"]]],
    )


def test_an_oracle_finds_all_and_a_constant_next_to_nothing(emoji, oracle):
    found = retrieval(*oracle, emoji)
    assert found.metrics["image_at_1"] == found.metrics["text_at_1"] == 1
    assert found.metrics["image_at_1_of_100_tone"] == found.metrics["image_at_5_person"] == 1
    assert found.arrays["right"][:, 0].all() and found.arrays["nearest"].shape == (304, 6)
    flat = retrieval(oracle[0], lambda rows: np.random.default_rng(1).normal(size=(len(rows["tokens"]), 32)), emoji)
    assert flat.metrics["image_at_1"] < 0.02
    # Of 100 one is right.
    assert flat.metrics["image_at_1_of_100"] == pytest.approx(0.01, abs=0.01)


def test_ways_of_being_new(emoji):
    test = emoji.test.arrays()
    found = ways_of(test, emoji)
    assert {name: int(of.sum()) for name, of in found.items()} == {"": 304, "_tone": 172, "_person": 132}


def test_prompts_tell_the_part_that_vectors_show_and_no_other(emoji, monkeypatch):
    """Vectors that say the tone alone, and those that say nothing."""
    tones = np.eye(len(emoji.about[PARTS["tone"]]))

    def tone(rows):
        return tones[rows["tone"]]

    def noise(rows):
        return np.random.default_rng(len(rows["tone"])).normal(size=(len(rows["tone"]), 9))

    assert zero_shot(tone, tone, emoji, "tone") == 1
    assert zero_shot(noise, noise, emoji, "person") < 0.5
    # A probe of all kinds takes long, and is one of a person's or tone's.
    monkeypatch.setattr("deeplearn.text_to_image.clip_evaluation.PARTS", ("person", "tone"))
    metrics = classified(tone, tone, emoji)
    assert metrics["probe_tone"] == metrics["zero_shot_tone"] == 1 > metrics["probe_person"]
    assert "zero_shot_tone" not in classified(tone, None, emoji)


def test_the_baselines_rows(emoji):
    assert set(clip_baselines(emoji)) == {"kernel ridge, pixels to words", "principal components"}
