"""Brightness and colour of numbers, by hand."""

import numpy as np

from deeplearn.figures.contrast import around_grey, red_and_blue, square, stretched


def test_each_picture_is_stretched_by_itself_from_black_to_white():
    pictures = np.array([[[1.0, 3.0], [2.0, 5.0]], [[-8.0, 0.0], [-4.0, -6.0]]])
    np.testing.assert_allclose(stretched(pictures), [[[0, 0.5], [0.25, 1]], [[0, 1], [0.5, 0.25]]])
    np.testing.assert_array_equal(stretched(np.full((1, 3), 7.0)), np.zeros((1, 3)))
    assert stretched(pictures.astype(np.float32)).dtype == np.float32


def test_zero_is_middle_grey_and_the_largest_modulus_of_each_picture_black_or_white():
    found = around_grey(np.array([[0.0, 1.0, -2.0], [0.0, 0.1, 0.05], [0.0, 0.0, 0.0]]))
    np.testing.assert_allclose(found, [[0.5, 0.75, 0], [0.5, 1, 0.75], [0.5, 0.5, 0.5]])


def test_positive_is_red_and_negative_is_blue_and_zero_white():
    found = red_and_blue(np.array([0.0, 4.0, -2.0]))
    np.testing.assert_allclose(found, [[1, 1, 1], [1, 0, 0], [0.5, 0.5, 1]])
    np.testing.assert_array_equal(red_and_blue(np.zeros((2, 2))), np.ones((2, 2, 3)))


def test_a_square_number_of_values_stands_in_rows_and_any_other_in_stripes():
    np.testing.assert_array_equal(
        square(np.arange(4), 5),
        [[0, 0, 0, 1, 1], [0, 0, 0, 1, 1], [0, 0, 0, 1, 1], [2, 2, 2, 3, 3], [2, 2, 2, 3, 3]],
    )
    np.testing.assert_array_equal(square(np.array([7, 8, 9]), 6), [[7, 7, 8, 8, 9, 9]] * 6)
