"""The weighted objective of text and codes."""

import numpy as np

from deeplearn.losses.text_and_codes import text_and_codes_loss

RANDOM = np.random.default_rng(0)
WORDS, CODES = RANDOM.integers(0, 5, (2, 3)).astype(np.int32), RANDOM.integers(0, 7, (2, 4)).astype(np.int32)
OF_WORDS, OF_CODES = RANDOM.normal(size=(2, 3, 5)), RANDOM.normal(size=(2, 4, 7))


def cross_entropy(logits, target):
    """By scipy's own log-softmax."""
    from scipy.special import log_softmax

    return -np.take_along_axis(log_softmax(logits, -1), target[..., None], -1).mean()


def test_text_counts_an_eighth():
    loss, metrics = text_and_codes_loss(OF_WORDS, WORDS, OF_CODES, CODES)
    words, codes = cross_entropy(OF_WORDS, WORDS), cross_entropy(OF_CODES, CODES)
    np.testing.assert_allclose(loss, words / 8 + codes * 7 / 8, rtol=1e-5)
    np.testing.assert_allclose((metrics["words"], metrics["codes"]), (words, codes), rtol=1e-5)
    np.testing.assert_allclose(metrics["accuracy"], (OF_CODES.argmax(-1) == CODES).mean())


def test_without_text_it_is_the_pictures_alone():
    loss, metrics = text_and_codes_loss(None, WORDS, OF_CODES, CODES)
    np.testing.assert_allclose(loss, cross_entropy(OF_CODES, CODES), rtol=1e-5)
    assert "words" not in metrics
