"""The entropy coder against the entropy."""

import numpy as np
import pytest

from deeplearn.codec import rans

RNG = np.random.default_rng(0)


def distribution(precision, symbols):
    """Random frequencies, none of them 0, that add up to 2^precision; and where each interval starts."""
    fractions = RNG.dirichlet(np.full(symbols, 0.5))
    inner = np.floor(np.cumsum(fractions)[:-1] * (2**precision - symbols)).astype(np.uint64) + np.arange(
        1, symbols, dtype=np.uint64
    )
    starts = np.concatenate([[0], inner, [2**precision]]).astype(np.uint64)
    return starts[:-1], np.diff(starts)


def finder(starts, frequencies):
    def find(points):
        symbols = np.searchsorted(starts, points, side="right") - 1
        return symbols, starts[symbols], frequencies[symbols]

    return find


@pytest.mark.parametrize("streams", [1, 7])
@pytest.mark.parametrize("precision", [1, 12, 32])
def test_the_length_is_the_sum_of_log_probabilities_and_what_went_in_comes_out(streams, precision):
    starts, frequencies = distribution(precision, 2 if precision == 1 else 50)
    symbols = RNG.choice(len(starts), size=(400, streams), p=frequencies / 2.0**precision)
    widths = RNG.integers(1, streams + 1, size=400)  # how many streams take part in each push
    message, ideal = rans.empty(streams), 0.0
    for row, width in zip(symbols, widths, strict=True):
        message = rans.push(message, starts[row[:width]], frequencies[row[:width]], precision)
        ideal += (precision - np.log2(frequencies[row[:width]])).sum()
    words = rans.flatten(message)
    # Heads begin with 32 bits that say nothing, and are stored in 64; a push rounds most at precision 32.
    in_heads = np.log2(message.heads.astype(float)).sum() - 32 * streams
    length = 32 * (len(words) - 2 * streams) + in_heads
    assert length == pytest.approx(ideal, rel=1e-3 if precision < 32 else 0.06)
    message = rans.unflatten(words, streams)
    for row, width in zip(symbols[::-1], widths[::-1], strict=True):
        message, found = rans.pop(message, finder(starts, frequencies), precision, width)
        np.testing.assert_array_equal(found, row[:width])
    np.testing.assert_array_equal(message.heads, rans.empty(streams).heads)
    assert message.tail == ()


def test_popping_draws_samples_and_pushing_them_gives_the_bits_back():
    starts, frequencies = distribution(16, 6)
    words = RNG.integers(2**32, size=20_000, dtype=np.uint32)
    words[-8::2] |= np.uint32(2**31)  # heads are at least 2^32
    message, drawn = rans.unflatten(words, 4), []
    for _ in range(20_000):
        message, symbols = rans.pop(message, finder(starts, frequencies), 16, 4)
        drawn.append(symbols)
    fraction = np.bincount(np.ravel(drawn), minlength=6) / 80_000
    np.testing.assert_allclose(fraction, frequencies / 2**16, atol=0.01)
    for symbols in reversed(drawn):
        message = rans.push(message, starts[symbols], frequencies[symbols], 16)
    np.testing.assert_array_equal(rans.flatten(message), words)


def test_a_message_that_is_used_up_goes_on_with_zeros_which_are_found_at_the_bottom():
    starts, frequencies = distribution(16, 6)
    message, drawn = rans.unflatten(np.array([7, 5, 3], np.uint32), 1), []
    for _ in range(200):
        message, symbols = rans.pop(message, finder(starts, frequencies), 16, 1)
        drawn.append(symbols)
    for symbols in reversed(drawn):
        message = rans.push(message, starts[symbols], frequencies[symbols], 16)
    words = rans.flatten(message)
    assert len(words) > 3 and not words[:-3].any()
    np.testing.assert_array_equal(words[-3:], [7, 5, 3])
