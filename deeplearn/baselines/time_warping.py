"""Dynamic time warping of connected words: recordings of single words, chained and stretched to fit a recording."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import scipy.fft

from deeplearn.data import Dataset
from deeplearn.data.split import Arrays, Split
from deeplearn.errors import UserError
from deeplearn.measured import Measured
from deeplearn.metrics.edit_distance import word_error_rate

CEPSTRA = 13
TRIAL = 100  # recordings of validation by which settings are chosen
LIMIT = 1000  # recordings of test
BLOCK = 25  # recordings that are warped at a time
ROUND = 128  # frames: recordings are padded to a multiple
PER_WORD = (4, 16, 50)  # templates of each word
PENALTIES = (0.0, 50.0, 150.0)  # of each word: squared distances of some frames


def cepstra(sound: np.ndarray) -> np.ndarray:
    """Log-mel frames [time, mels] -> [time, 2 · CEPSTRA]: the first coefficients of a cosine transform, without
    their means over time, and how they change from the frame before to the frame after."""
    coefficients = scipy.fft.dct(sound, type=2, norm="ortho", axis=1)[:, :CEPSTRA]
    coefficients = coefficients - coefficients.mean(0)
    padded = np.pad(coefficients, ((1, 1), (0, 0)), mode="edge")
    return np.concatenate([coefficients, padded[2:] - padded[:-2]], axis=1).astype(np.float32)


@dataclass(frozen=True)
class Templates:
    """Recordings of single words one after another: frames [states, features]; starts: where each begins."""

    frames: np.ndarray
    starts: np.ndarray
    words: tuple[str, ...]

    @classmethod
    def of(cls, recordings: Sequence[np.ndarray], words: Sequence[str]) -> Templates:
        """Templates of these recordings, and one of a single frame, the mean of the quietest, that says nothing."""
        loudness = np.concatenate([frames[:, 0] for frames in recordings])
        quiet = np.concatenate(recordings)[loudness <= np.quantile(loudness, 0.1)].mean(0, keepdims=True)
        parts = [*recordings, quiet]
        starts = np.cumsum([0, *map(len, parts)])[:-1]
        return cls(np.concatenate(parts), starts, (*words, ""))


def warped(sounds: Sequence[np.ndarray], templates: Templates, penalty: float) -> list[list[str]]:
    """The words of each of at most BLOCK recordings [time, features], by the chain of templates nearest to it.

    The one-stage algorithm (Ney 1984): state s is a frame of a template; at each frame of the recording a path
    stays in its state, goes on by one or two, or, from the last state of a template, enters the first of any, which
    costs `penalty`. The distance of a path is the sum of squared distances between frames and states.
    """
    chex.assert_rank(list(sounds), 2)
    lengths = np.array([len(sound) for sound in sounds])
    # Few different shapes, each of which is compiled.
    padded = np.zeros((-(-lengths.max() // ROUND) * ROUND, BLOCK, templates.frames.shape[1]), np.float32)
    for row, sound in enumerate(sounds):
        padded[: len(sound), row] = sound
    words, came = map(np.asarray, _one_stage(padded, templates.frames, templates.starts, np.float32(penalty)))
    return [_chain(templates.words, words[:, row], came[:, row], length) for row, length in enumerate(lengths)]


@jax.jit
def _one_stage(
    sounds: jax.Array, frames: jax.Array, starts: jax.Array, penalty: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """For each frame of sounds [time, batch, features] the template in which the best path to there ends, and the
    frame at which that path came into it: both int32 [time, batch]. starts: of the templates among their frames."""
    states, count = len(frames), sounds.shape[1]
    numbers = jnp.arange(states)
    first = jnp.zeros(states, jnp.int32).at[starts].set(1)
    place = numbers - starts[jnp.cumsum(first) - 1]  # within the template
    ends = jnp.append(starts[1:], states) - 1
    norms = jnp.square(frames).sum(1)

    def body(carry: Any, at: Any) -> Any:
        total, entered, reached = carry
        number, x = at
        distance = norms - 2 * x @ frames.T + jnp.square(x).sum(1, keepdims=True)  # [batch, states]
        best, since = total, entered
        for step in (1, 2):
            before = jnp.where(place >= step, jnp.roll(total, step, 1), jnp.inf)
            nearer = before < best
            best, since = jnp.where(nearer, before, best), jnp.where(nearer, jnp.roll(entered, step, 1), since)
        enter = (reached + penalty)[:, None]
        nearer = (place == 0) & (enter < best)
        total, entered = jnp.where(nearer, enter, best) + distance, jnp.where(nearer, number, since)
        word = total[:, ends].argmin(1)
        last = ends[word][:, None]
        reached, came = (jnp.take_along_axis(x, last, 1)[:, 0] for x in (total, entered))
        return (total, entered, reached), (word.astype(jnp.int32), came)

    nowhere = jnp.full((count, states), jnp.inf), jnp.zeros((count, states), jnp.int32)
    _, found = jax.lax.scan(body, (*nowhere, jnp.zeros(count)), (jnp.arange(len(sounds)), sounds))
    return found


def _chain(words: Sequence[str], best_word: np.ndarray, came: np.ndarray, length: int) -> list[str]:
    """The words of the best path, from its end to its begin, in their order; none where there is no path."""
    found: list[str] = []
    frame = length - 1
    while frame >= 0:
        found.append(words[best_word[frame]])
        frame = int(came[frame]) - 1
    return [word for word in reversed(found) if word]


def time_warping(dataset: Dataset) -> dict[str, Callable[[], Measured]]:
    """{"dynamic time warping": thunk} with the metric `wer` on the first LIMIT recordings of test.

    Templates are recordings of single words in train; how many of each word, and the penalty of a word, are chosen
    on validation. UserError where no recording is of a single word.
    """

    def row() -> Measured:
        assert isinstance(dataset.train, Arrays)  # as all sets with sound are
        texts = dataset.train.column("text").tolist()
        singles = [row for row, text in enumerate(texts) if len(text.split()) == 1]
        if not singles:
            raise UserError("no recording in train is of a single word, so there are no templates")
        trial, truth = _recordings(dataset.validation, TRIAL)
        scores: dict[tuple[int, float], float] = {}
        made: dict[int, Templates] = {}
        for per_word, penalty in itertools.product(PER_WORD, PENALTIES):
            made[per_word] = made.get(per_word) or _templates(dataset.train, texts, singles, per_word)
            found = transcripts(trial, made[per_word], penalty)
            scores[per_word, penalty] = word_error_rate(found, truth)
        per_word, penalty = min(scores, key=lambda key: scores[key])
        sounds, truth = _recordings(dataset.test, LIMIT)
        found = transcripts(sounds, made[per_word], penalty)
        facts = {"templates": per_word, "penalty": penalty}
        return Measured({"wer": word_error_rate(found, truth), **facts}, {"transcripts": found})

    return {"dynamic time warping": row}


def transcripts(sounds: Sequence[np.ndarray], templates: Templates, penalty: float) -> list[str]:
    """The texts that `warped` finds, some recordings at a time, in their order."""
    order = np.argsort([len(sound) for sound in sounds], kind="stable")  # those of like length together
    found: dict[int, str] = {}
    for start in range(0, len(order), BLOCK):
        block = order[start : start + BLOCK]
        words = warped([sounds[row] for row in block], templates, penalty)
        found |= {int(row): " ".join(one) for row, one in zip(block, words, strict=True)}
    return [found[row] for row in range(len(sounds))]


def _recordings(split: Split, limit: int) -> tuple[list[np.ndarray], list[str]]:
    """The cepstra of the first recordings, and their texts."""
    part: Any = split.gather(np.arange(min(limit, len(split))))
    pairs = zip(part["sound"], part["sound_length"], strict=True)
    return [cepstra(sound[:length]) for sound, length in pairs], part["text"].tolist()


def _templates(split: Split, texts: Sequence[str], singles: Sequence[int], per_word: int) -> Templates:
    """The first recordings of each word."""
    chosen: dict[str, list[int]] = {}
    for row in singles:
        rows = chosen.setdefault(texts[row].strip(), [])
        if len(rows) < per_word:
            rows.append(row)
    rows = [row for each in chosen.values() for row in each]
    part = split.gather(np.array(rows))
    pairs = zip(part["sound"], part["sound_length"], strict=True)
    return Templates.of([cepstra(sound[:length]) for sound, length in pairs], [texts[row].strip() for row in rows])
