"""Users who rate films: procedural, with the columns of TFDS's MovieLens, and the noise of each rating known.

Taste is an ideal point (Coombs's unfolding, 1964): users and films lie in a space of three dimensions, and a film
is liked better the nearer it is, as exp(−d²/6). A bias of the user, a bias of the film and Gaussian noise are
added; the sum is rounded to half stars from .5 to 5. As on the web, few films have most of the ratings, and people
watch what they expect to like. Everybody rates at least 20 films.
"""

import numpy as np
import tensorflow_datasets as tfds

from deeplearn.data.builders import OWN
from deeplearn.data.builders.base import OwnBuilder

USERS, FILMS = 1500, 500
SIZES = {"train": 60_000, "validation": 5_000, "test": 10_000}
MIN_RATINGS = 20  # ratings of a user, over all splits
STARS = np.arange(1, 11) / 2
NOISE = 0.5  # std of the noise, in stars
# TFDS spends about 0.1 ms on a record, whatever its size: so a record holds many ratings.
RATINGS_PER_RECORD = 1000


def expected_rating(score: np.ndarray) -> np.ndarray:
    """E[rating | score before noise], same shape: no prediction has a smaller squared error."""
    from scipy.stats import norm

    edges = (STARS[1:] + STARS[:-1]) / 2
    # STARS[0] and, for each edge that score + noise exceeds, half a star more.
    return STARS[0] + 0.5 * sum(norm.sf(edge, score, NOISE) for edge in edges)


def world(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Scores before noise [users, films], and log-weights by which users choose what to watch [users, films]."""
    user, film = rng.normal(size=(USERS, 3)), rng.normal(size=(FILMS, 3))
    distance = np.square(user[:, None] - film).sum(-1)
    taste = 2.5 * np.exp(-distance / 6)
    taste -= taste.mean()
    score = 3.4 + 0.35 * rng.normal(size=(USERS, 1)) + 0.4 * rng.normal(size=FILMS) + taste
    return score, taste + 1.0 * rng.normal(size=FILMS)


def sample() -> dict[str, np.ndarray]:
    """All ratings in random order, in columns [75,000]."""
    rng = np.random.default_rng(0)
    score, weight = world(rng)
    activity = rng.lognormal(sigma=0.8, size=USERS)
    counts = MIN_RATINGS + rng.multinomial(sum(SIZES.values()) - MIN_RATINGS * USERS, activity / activity.sum())
    # The largest of log-weights with Gumbel noise are a draw without replacement.
    order = np.argsort(-(weight + rng.gumbel(size=weight.shape)), axis=1)
    user = np.repeat(np.arange(USERS), counts)
    film = np.concatenate([films[:count] for films, count in zip(order, counts, strict=True)])
    mean = score[user, film]
    noisy = mean + NOISE * rng.normal(size=mean.shape)
    columns = {
        "user_id": user.astype(np.int32),
        "movie_id": film.astype(np.int32),
        "user_rating": (np.round(2 * noisy) / 2).clip(STARS[0], STARS[-1]).astype(np.float32),
        # Rounded, so that the last bits of another machine do not change the data set.
        "expected_rating": expected_rating(mean).round(4).astype(np.float32),
    }
    shuffled = rng.permutation(len(user))
    return {name: column[shuffled] for name, column in columns.items()}


class Builder(OwnBuilder):
    """1,500 users, 500 films: 60,000 ratings to train on, 5,000 to validate, 10,000 to test, of the same users."""

    name = "ratings"
    VERSION = tfds.core.Version(OWN[name].version)
    packed = True

    def _info(self) -> tfds.core.DatasetInfo:
        integers = tfds.features.Tensor(shape=(RATINGS_PER_RECORD,), dtype=np.int32)
        stars = tfds.features.Tensor(shape=(RATINGS_PER_RECORD,), dtype=np.float32)
        return tfds.core.DatasetInfo(
            builder=self,
            description=__doc__,
            features=tfds.features.FeaturesDict(
                {"user_id": integers, "movie_id": integers, "user_rating": stars, "expected_rating": stars}
            ),
        )

    def _split_generators(self, dl_manager):
        columns, start, generators = sample(), 0, {}
        for split, size in SIZES.items():
            rows = slice(start, start + size)
            generators[split] = self._generate_examples({name: c[rows] for name, c in columns.items()})
            start += size
        return generators

    def _generate_examples(self, columns):
        for start in range(0, len(columns["user_id"]), RATINGS_PER_RECORD):
            rows = slice(start, start + RATINGS_PER_RECORD)
            yield start, {name: column[rows] for name, column in columns.items()}
