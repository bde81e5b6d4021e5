"""Which tokens a token attends to."""

import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.nn.patterns import PicturePattern, causal, published_kinds

TEXT, SIDE = 6, 4  # the paper's figure 11: six tokens of text, 4 × 4 codes


def matrix(**given):
    positions = jnp.arange(TEXT + SIDE**2)
    return np.asarray(PicturePattern(TEXT, SIDE, **given)(positions, positions))


def near(kind, query, key):
    """Whether code `query` may look at code `key`, both counted row after row, as figure 11 is drawn."""
    back = query - key
    if kind == "row":
        return back <= SIDE  # its caption: the previous five, so that the last is the one above
    if kind == "column":
        return query % SIDE == key % SIDE
    # 3 × 3: the row above from the left to the right neighbour, and the left one; at an edge it wraps around.
    return back in (0, 1, SIDE - 1, SIDE, SIDE + 1)


@pytest.mark.parametrize("kind", ["row", "column", "convolution"])
def test_patterns_are_those_of_the_figure(kind):
    expected = np.tril(np.ones((TEXT + SIDE**2,) * 2, bool))
    for query in range(SIDE**2):
        for key in range(query + 1):
            expected[TEXT + query, TEXT + key] = near(kind, query, key)
    np.testing.assert_array_equal(matrix(kind=kind, kernel=3), expected)


def test_full_is_causal_and_a_prefix_sees_itself_whole():
    positions = jnp.arange(TEXT + SIDE**2)
    np.testing.assert_array_equal(matrix(), causal(positions, positions))
    seen = matrix(prefix=TEXT)
    assert seen[:TEXT, :TEXT].all() and not seen[:TEXT, TEXT:].any()
    np.testing.assert_array_equal(seen[TEXT:], matrix()[TEXT:])


def test_another_kind_is_an_error():
    with pytest.raises(ValueError, match="diagonal"):
        matrix(kind="diagonal")


def test_layers_have_the_published_kinds():
    """Appendix B.1: row, column, row, row; the last is a convolution."""
    assert published_kinds(6) == ("row", "column", "row", "row", "row", "convolution")
    kinds = published_kinds(64)
    assert kinds.count("column") == 16 and kinds[-1] == "convolution" and kinds.count("convolution") == 1
