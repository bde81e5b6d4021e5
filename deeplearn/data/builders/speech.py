"""Strings of digits spoken by eSpeak NG, in voices that no split shares.

    python -c "from deeplearn import data; print(data.load('speech/digits').train.arrays(2))"

Each of some hundred voices (the variants that come with eSpeak NG: vocal tracts, breath, roughness) speaks strings
of 1 to LONGEST digits in one of several accents, at its own speed and pitch, in white noise 5 to 30 dB below it.
Needs the extra `speech`; eSpeak NG and its voices are under the GPL, version 3.
"""

from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds

from deeplearn.data.builders import OWN
from deeplearn.data.builders.base import OwnBuilder
from deeplearn.data.builders.espeak import RATE, needed, spoken
from deeplearn.data.sound import MELS, in_range, log_mel, resampled

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
LONGEST = 7  # digits
ACCENTS = ("en", "en-us", "en-gb-x-rp", "en-gb-scotland", "en-029")
# Variants of one person (iven, iven2, …) are in one split.
VALIDATION = (
    *("Alex", "Denis", "Jacky", "Mario", "Reed", "Tweaky", "anika", "anikaRobot", "aunty", "boris", "f4", "iven"),
    *("iven2", "iven3", "iven4", "m3", "m7", "victor"),
)
TEST = (
    *("Andy", "Diogo", "Hugo", "Michael", "Nguyen", "Storm", "adam", "antonio", "belinda", "caleb", "croak", "f2"),
    *("grandpa", "m2", "m6", "steph", "steph2", "steph3", "paul", "quincy"),
)
SIZES = {"train": 4000, "validation": 500, "test": 500}


def sentences(voices: tuple[str, ...], count: int, seed: int) -> list[dict]:
    """What is to be said: every voice equally often, lengths, digits, accents, speeds and pitches by chance."""
    rng = np.random.default_rng(seed)
    said = []
    for number in range(count):
        digits = rng.integers(10, size=rng.integers(1, LONGEST + 1))
        said.append(
            {
                "text": " ".join(DIGITS[digit] for digit in digits),
                "voice": f"{rng.choice(ACCENTS)}+{voices[number % len(voices)]}",
                "speed": int(rng.integers(130, 230)),  # words a minute
                "pitch": int(rng.integers(25, 76)),  # of 0 to 99, around the voice's own
                "noise": float(rng.uniform(5, 30)),  # decibels below the voice
            }
        )
    return said


def recorded(sentence: dict, samples: np.ndarray, seed: int) -> np.ndarray:
    """The samples at RATE as log-mel frames, in noise."""
    sound = resampled(in_range(samples), RATE)
    noise = np.random.default_rng(seed).normal(size=len(sound)) * sound.std() * 10 ** (-sentence["noise"] / 20)
    return log_mel(sound + noise).astype(np.float16)


class Builder(OwnBuilder):
    """5,000 strings of digits: 4,000 to train on; 500 to validate and 500 to test, in other voices."""

    name = "speech"
    VERSION = tfds.core.Version(OWN[name].version)
    BUILDER_CONFIGS: tuple = (tfds.core.BuilderConfig(name="digits"),)

    def _info(self) -> tfds.core.DatasetInfo:
        sound = tfds.features.Tensor(shape=(None, MELS), dtype=np.float16, encoding="bytes")
        text = tfds.features.Text()
        return tfds.core.DatasetInfo(
            builder=self,
            description=__doc__,
            features=tfds.features.FeaturesDict({"sound": sound, "text": text, "voice": text}),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager):
        there = Path(needed().get_data_path()) / "voices" / "!v"
        others = {file.name for file in there.iterdir()} - {*VALIDATION, *TEST}
        voices = {"train": tuple(sorted(others)), "validation": VALIDATION, "test": TEST}
        return {
            split: self._generate_examples(sentences(voices[split], size, seed))
            for seed, (split, size) in enumerate(SIZES.items())
        }

    def _generate_examples(self, said):
        for index, (sentence, samples) in enumerate(zip(said, spoken(said), strict=True)):
            sound = recorded(sentence, samples, index)
            yield index, {"sound": sound, "text": sentence["text"], "voice": sentence["voice"]}
