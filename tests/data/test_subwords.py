"""n-grams and their hash, against published values and fastText's own rules."""

import numpy as np
import pytest

from deeplearn.data.subwords import buckets_of, fnv1a, ngrams, parts
from deeplearn.errors import UserError


def test_the_hash_is_fnv_1a_with_signed_bytes():
    # Values of the authors' test vectors (isthe.com/chongo/tech/comp/fnv), for bytes below 128.
    assert [fnv1a(text) for text in (b"", b"a", b"b", b"foobar")] == [
        0x811C9DC5,
        0xE40C292C,
        0xE70C2DE5,
        0xBF9CF968,
    ]
    # A byte from 128 on has all higher bits set, too: by hand for 0xE4.
    value = (0x811C9DC5 ^ 0xFFFFFFE4) * 16777619 % 2**32
    assert fnv1a(b"\xe4") == value != (0x811C9DC5 ^ 0xE4) * 16777619 % 2**32


def test_the_pieces_of_where():
    """The paper's example (section 3.2), and what fastText does with short words."""
    assert ngrams("where", 3, 3) == ["<wh", "whe", "her", "ere", "re>"]
    assert ngrams("a", 1, 3) == ["<a", "<a>", "a", "a>"]
    assert ngrams("is", 3, 6) == ["<is", "<is>", "is>"]
    assert ngrams("é", 3, 3) == ["<é>"]


def test_the_end_of_a_sentence_has_no_pieces():
    assert ngrams("</s>") == [] and ngrams("<s>") != []


def test_a_word_of_too_many_pieces_is_one_sentence():
    with pytest.raises(UserError, match=r"has 200 characters and .* n-grams"):
        parts(("<pad>", "x" * 200), 10)
    assert not parts(("<pad>", ""), 10).any()


def test_rows_of_parts():
    words = ("<pad>", "<unknown>", "cat", "x")
    rows = parts(words, 10, 3, 4)
    assert rows.shape[0] == 4 and not rows[0].any()
    assert rows[2, 0] == 2 and set(rows[2, 1:][rows[2, 1:] > 0] - 4) == set(buckets_of("cat", 10, 3, 4))
    assert np.count_nonzero(rows[3]) == 2  # itself and <x>
    np.testing.assert_array_equal(parts(words, 0, 3, 4)[:, 0], [0, 1, 2, 3])
