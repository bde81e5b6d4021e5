"""The page on speech: what it refuses, and what a trained one hears in a user's file."""

import dataclasses

import numpy as np
import pytest
from scipy.io import wavfile

from deeplearn import train as dl
from deeplearn.data import Arrays, Dataset
from deeplearn.data.forms import speech as in_tokens
from deeplearn.data.ragged import Ragged
from deeplearn.data.sound import RATE, log_mel
from deeplearn.errors import UserError
from experiments.sequences import speech
from tests.experiments.pretend import pretend

PITCH = {"low": 300.0, "middle": 900.0, "high": 2400.0}  # Hz of the tones that words are
TINY = speech.Config(
    **{"filters": (8,), "time_windows": (3,), "mel_windows": (3,), "time_strides": (2,), "dropout": 0.0},
    **{"features": 16, "steps": 60, "batch_size": 16, "learning_rate": 2e-2, "schedule": "constant"},
)


def tones(text, rng):
    """Samples: a tone of a tenth of a second for each word, silence around it."""
    time, gap = np.arange(RATE // 10) / RATE, np.zeros(RATE // 20)
    parts = [[gap, np.sin(2 * np.pi * PITCH[word] * time + rng.uniform(0, 6))] for word in text.split()]
    sound = np.concatenate([one for part in parts for one in part] + [gap])
    return 0.4 * sound + 0.01 * rng.normal(size=len(sound))


def recordings(frames, texts):
    longest = max(map(len, frames))
    sound = Ragged.of(frames, np.float16, buckets=(longest,), length="sound_length")
    return Arrays({"text": np.array(texts, object), "sound": sound})


@pytest.fixture(scope="module")
def heard():
    """The page's own system, trained for a short time on words that are tones, and the data."""
    rng = np.random.default_rng(0)

    def split(size):
        texts = [" ".join(rng.permutation(list(PITCH))[: 1 + number % 3]) for number in range(size)]
        return recordings([log_mel(tones(text, rng)) for text in texts], texts)

    dataset = in_tokens(Dataset("tones", split(96), split(12), split(24)), None)
    experiment = speech.build(TINY, dataset)
    (stage,) = experiment.stages
    ours = dataclasses.replace(stage, turns=[turn for turn in stage.turns if turn.of == "bidirectional"])
    return dl.fit(dataclasses.replace(experiment, stages=[ours]), TINY), dataset


def test_it_learns_words_without_being_told_where_they_are(heard):
    trained, dataset = heard
    row = speech.evaluate(trained["bidirectional"], dataset)[dl.OURS]
    assert row.metrics["wer"] < 0.1 and row.metrics["greedy_wer"] < 0.1
    assert row.metrics["nll"] < 0.3
    assert speech.baselines(trained, dataset)[speech.WARP]().metrics["wer"] < 0.1


def test_it_transcribes_a_file_and_says_what_it_cannot(heard, tmp_path):
    trained, dataset = heard
    rng = np.random.default_rng(1)
    rate = 22_050  # as many files have it
    samples = tones("high low middle", rng)
    there = np.interp(np.arange(len(samples) * rate // RATE) * RATE / rate, np.arange(len(samples)), samples)
    wavfile.write(tmp_path / "spoken.wav", rate, np.stack([2**14 * there] * 2, 1).astype(np.int16))
    assert speech.answer(trained, dataset, str(tmp_path / "spoken.wav")) == "high low middle"
    wavfile.write(tmp_path / "silent.wav", RATE, np.zeros(RATE, np.int16))
    with pytest.raises(UserError, match="is silent"):
        speech.answer(trained, dataset, str(tmp_path / "silent.wav"))
    wavfile.write(tmp_path / "short.wav", RATE, (2**14 * samples[:100]).astype(np.int16))
    with pytest.raises(UserError, match="too short to hear a word"):
        speech.answer(trained, dataset, str(tmp_path / "short.wav"))
    with pytest.raises(UserError, match="there is no file"):
        speech.answer(trained, dataset, str(tmp_path / "nothing.wav"))


def test_what_it_refuses():
    config = dataclasses.replace(speech.Config(), **speech.Config.TINY)
    with pytest.raises(UserError, match="has no recordings with texts"):
        speech.build(config, pretend("digits"))
    with pytest.raises(UserError, match="one number a convolution"):
        speech.build(dataclasses.replace(config, filters=(4,)), pretend("speech/digits"))
    hurried = recordings([np.ones((40, 10))] * 3, ["a b c d e f g h i j k"] * 3)  # eleven words in ten steps
    with pytest.raises(UserError, match="every recording of hurried is too short for its text"):
        speech.build(config, in_tokens(Dataset("hurried", hurried, hurried, hurried), None))
