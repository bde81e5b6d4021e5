"""Connected words by time warping: against every chain of templates and path, and on recordings made of them."""

import itertools

import numpy as np
import pytest

from deeplearn.baselines import time_warping
from deeplearn.baselines.time_warping import Templates, cepstra, warped
from deeplearn.data import Arrays, Dataset
from deeplearn.data.ragged import Ragged
from deeplearn.errors import UserError


def paths(count, states):
    """All ways in which `count` frames can go through `states`: from the first to the last, by 0, 1 or 2."""
    for steps in itertools.product((0, 1, 2), repeat=count - 1):
        places = np.cumsum([0, *steps])
        if places[-1] == states - 1 and (places < states).all():
            yield places


def cheapest(sound, templates, penalty):
    """The words of the nearest chain, by looking at all cuts of the recording, words and paths."""
    ends = np.append(templates.starts[1:], len(templates.frames))
    parts = [templates.frames[a:b] for a, b in zip(templates.starts, ends, strict=True)]
    costs = {}
    for a, b in itertools.combinations(range(len(sound) + 1), 2):
        for word, part in enumerate(parts):
            each = [np.square(sound[a:b] - part[p]).sum() for p in paths(b - a, len(part))]
            costs[a, b, word] = min(each, default=np.inf)
    best = {0: (0.0, [])}
    for end in range(1, len(sound) + 1):
        choices = [
            (best[a][0] + costs[a, end, word] + penalty * (a > 0), [*best[a][1], templates.words[word]])
            for a in range(end)
            for word in range(len(parts))
        ]
        best[end] = min(choices, key=lambda choice: choice[0])
    return [word for word in best[len(sound)][1] if word]


def test_it_finds_the_nearest_chain():
    rng = np.random.default_rng(0)
    found = set()
    for penalty in (0.5, 2.0):  # with none, a frame that stays is as near as one that comes again
        for _ in range(6):
            recordings = [rng.normal(size=(size, 2)).astype(np.float32) for size in (2, 3, 1)]
            templates = Templates.of(recordings, ("a", "b", "c"))
            sounds = [rng.normal(size=(size, 2)).astype(np.float32) for size in (6, 4, 1)]
            ours = warped(sounds, templates, penalty)
            assert ours == [cheapest(sound, templates, penalty) for sound in sounds]
            found |= {word for words in ours for word in words}
    assert found == {"a", "b", "c"}


def test_cepstra_do_not_hear_loudness_and_have_the_changes_beside_them():
    sound = np.random.default_rng(0).normal(size=(7, 40))
    ours = cepstra(sound)
    assert ours.shape == (7, 26)
    np.testing.assert_allclose(cepstra(sound + 3.0), ours, atol=1e-5)
    waves = np.cos(np.pi * np.arange(1, 13)[:, None] * (2 * np.arange(40) + 1) / 80)
    cosine = [np.sqrt(2 / 40) * (sound * wave).sum(1) for wave in waves]
    np.testing.assert_allclose(ours[:, 1:13], (np.array(cosine) - np.mean(cosine, 1)[:, None]).T, atol=1e-5)
    np.testing.assert_allclose(ours[3, 13:], ours[4, :13] - ours[2, :13], atol=1e-5)


def made(texts, rng):
    """Each word has bands of its own, and is stretched."""
    words = {word: rng.normal(size=(4, 40)) * 3 for word in ("one", "two", "three")}
    sounds = [
        np.concatenate([np.repeat(words[word], rng.integers(1, 3), 0) for word in text.split()]) for text in texts
    ]
    noisy = [sound + 0.1 * rng.normal(size=sound.shape) for sound in sounds]
    column = Ragged.of(noisy, np.float32, length="sound_length")
    return Arrays({"text": np.array(texts, object), "sound": column})


def test_a_row_whose_settings_are_chosen_on_validation(monkeypatch):
    rng = np.random.default_rng(0)
    monkeypatch.setattr(time_warping, "PER_WORD", (1, 2))
    train = made(["one", "two", "three", "one two"] * 3, np.random.default_rng(1))
    split = made(["one two three", "two", "three one"], np.random.default_rng(1))
    dataset = Dataset("made", train, split, split)
    row = time_warping.time_warping(dataset)["dynamic time warping"]()
    assert row.metrics["wer"] == 0 and row.metrics["templates"] in (1, 2)
    assert row.arrays["transcripts"] == ["one two three", "two", "three one"]
    none = Dataset("made", made(["one two"] * 4, rng), split, split)
    with pytest.raises(UserError, match="no recording in train is of a single word"):
        time_warping.time_warping(none)["dynamic time warping"]()
