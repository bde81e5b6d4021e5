"""Vectors by word: found, composed of n-grams, nearest by brute force."""

import numpy as np
import pytest

from deeplearn.data.subwords import fnv1a
from deeplearn.errors import UserError
from deeplearn.vectors import Subwords, Vectors

TABLE = np.random.default_rng(0).normal(size=(5, 3)).astype("f4")
VECTORS = Vectors(("The", "king", "queen", "man", "woman"), TABLE)


def test_a_word_is_found_as_it_is_written_or_in_small_letters():
    np.testing.assert_array_equal(VECTORS["King"], TABLE[1])
    np.testing.assert_array_equal(VECTORS["The"], TABLE[0])
    assert VECTORS.find("the") is None
    with pytest.raises(UserError, match="'quen' is not among the 5 words; did you mean queen"):
        VECTORS["quen"]


def test_the_nearest_by_brute_force():
    query = TABLE[1] + 0.1
    cosines = {
        word: row @ query / np.linalg.norm(row) / np.linalg.norm(query)
        for word, row in zip(VECTORS.words, TABLE, strict=True)
    }
    del cosines["king"]
    found = VECTORS.nearest(query, 3, without=["KING"])
    assert [word for word, _ in found] == sorted(cosines, key=cosines.get, reverse=True)[:3]
    for word, cosine in found:
        assert cosine == pytest.approx(cosines[word], abs=1e-6)
    assert len(VECTORS.nearest(query, 99)) == 5
    assert VECTORS.best(np.arange(5), 1) == [("woman", 4.0)]


def test_a_word_is_the_mean_of_its_row_and_its_pieces():
    own, buckets = TABLE[:1], TABLE[1:]
    vectors = Vectors.of_subwords(("ab",), Subwords(own, buckets, 3, 3))
    pieces = [buckets[fnv1a(piece) % 4] for piece in (b"<ab", b"ab>")]
    np.testing.assert_allclose(vectors["ab"], np.mean([own[0], *pieces], 0), rtol=1e-5)
    pieces = [buckets[fnv1a(piece) % 4] for piece in (b"<xy", b"xy>")]
    np.testing.assert_allclose(vectors["xy"], np.mean(pieces, 0), rtol=1e-5)
    assert not vectors.composed("").any() and not VECTORS.composed("xy").any()
