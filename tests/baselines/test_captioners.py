"""Captions without a network, on pictures of which one pixel says each word."""

import numpy as np

from deeplearn.baselines.captioners import captioners
from deeplearn.data import Arrays, Dataset
from deeplearn.data.forms import captions
from deeplearn.metrics.captions import exact, names_of, word_overlap

WORDS = ("two", "red", "big", "dogs", "bark")  # in the order of a caption


def made(combinations, rng):
    """Pictures [N, 2, 3, 1] that show in their k-th pixel whether the k-th word is said."""
    image = np.concatenate([combinations, np.ones((len(combinations), 1))], 1) + 0.05 * rng.normal(
        size=(len(combinations), 6)
    )
    text = [" ".join(word for word, said in zip(WORDS, row, strict=True) if said) for row in combinations]
    return Arrays({"image": image.reshape(-1, 2, 3, 1).astype(np.float32), "text": np.array(text, object)})


def test_words_are_composed_and_the_nearest_picture_only_repeats():
    rng = np.random.default_rng(0)
    every = np.array([[n >> k & 1 for k in range(5)] for n in range(1, 32)])
    every = every[rng.permutation(31)]
    train, validation, test = every[:21], every[21:26], every[26:]
    dataset = captions(Dataset("made", *(made(rows, rng) for rows in (train, validation, test))), None)

    def measure(said, split):
        names = names_of([dataset.vocabulary.cut(text) for text in getattr(dataset, split).arrays()["text"]])
        return {"exact": exact(said, names).mean(), "word_overlap": word_overlap(said, names).mean()}

    rows = {row: make() for row, make in captioners(dataset, measure, "word_overlap").items()}
    assert rows["ridge to words"].metrics["exact"] == 1
    known = set(dataset.train.arrays()["text"])
    for row in ("nearest picture", "nearest by PCA"):
        assert rows[row].metrics["exact"] == 0
        assert {" ".join(words) for words in rows[row].arrays["captions"]} <= known
    # One word more or less: the nearest by one pixel.
    assert rows["nearest picture"].metrics["word_overlap"] > 0.5
    assert rows["nearest by PCA"].metrics["components"] == 6
