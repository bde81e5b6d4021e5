"""Dead units, counted by brute force."""

import numpy as np

from experiments.foundations.activations import dead_units, slopes

# [examples, units]: always positive; always negative; always far below; changing sign; far above.
SUMS = np.array([[0.5, -0.5, -30, -1, 30], [2.0, -3.0, -40, 1, 40]], np.float32)
EXPECTED = {
    "relu": [False, True, True, False, False],
    "leaky_relu": [False] * 5,
    "elu": [False, False, True, False, False],
    "selu": [False, False, True, False, False],
    "sigmoid": [False, False, True, False, True],
    "tanh": [False, False, True, False, True],
}


def test_a_unit_is_dead_when_no_example_lets_a_gradient_through():
    for name, expected in EXPECTED.items():
        assert np.asarray(dead_units(name, SUMS)).tolist() == expected, name
        # With leading axes, such as a population's, each on its own.
        both = dead_units(name, np.stack([SUMS, 0 * SUMS + 1]))
        assert both.shape == (2, 5) and not np.asarray(both[1]).any()


def test_slopes_are_the_derivative():
    sums = np.linspace(-3, 3, 8, dtype=np.float32).reshape(2, 4)
    np.testing.assert_allclose(slopes("tanh", sums), 1 - np.tanh(sums) ** 2, rtol=1e-4)
    np.testing.assert_allclose(slopes("leaky_relu", sums), np.where(sums > 0, 1, 0.01), rtol=1e-6)
