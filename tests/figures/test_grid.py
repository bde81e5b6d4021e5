"""Every tile lands where it should, at the size it should have."""

import numpy as np
import pytest

from deeplearn.figures.grid import GAP_GREY, LABEL_CHARACTERS, credited, image_grid, image_rows, spread


def test_pixels_of_each_tile():
    generator = np.random.default_rng(0)
    levels = generator.integers(0, 256, (5, 2, 3, 3))
    sheet = np.asarray(image_grid(levels / 255, columns=3, scale=4, pad=2))
    assert sheet.shape == (2 + 2 * (2 * 4 + 2), 2 + 3 * (3 * 4 + 2), 3)
    for index, image in enumerate(levels):
        row, column = divmod(index, 3)
        top, left = 2 + row * 10, 2 + column * 14
        expected = np.kron(image, np.ones((4, 4, 1)))  # each pixel a block of 4 × 4
        np.testing.assert_array_equal(sheet[top : top + 8, left : left + 12], expected)
    blank = sheet[12:, 2 + 2 * 14 :]  # the sixth place is empty
    assert np.all(blank == GAP_GREY) and np.all(sheet[:2] == GAP_GREY) and np.all(sheet[:, :2] == GAP_GREY)


def test_rows_and_columns_in_the_shape_are_kept():
    images = np.random.default_rng(1).random((2, 7, 4, 4, 1))
    np.testing.assert_array_equal(image_grid(images), image_grid(images.reshape(14, 4, 4, 1), columns=7))


def test_grey_becomes_rgb_and_values_are_clipped():
    image = np.array([[-0.5, 0.5, 1.5]])[None, ..., None]  # [1, 1, 3, 1]
    sheet = np.asarray(image_grid(image, scale=1, pad=0))
    np.testing.assert_array_equal(sheet, np.repeat([[[0], [128], [255]]], 3, axis=2))


@pytest.mark.parametrize(("channels", "shown"), [(2, 1), (4, 3), (7, 3)])
def test_of_other_channels_those_are_shown_that_can_be(channels, shown):
    images = np.random.default_rng(3).random((3, 4, 5, channels))
    np.testing.assert_array_equal(image_grid(images), image_grid(images[..., :shown]))


@pytest.mark.parametrize("shape", [(64, 8, 8, 1), (3, 10, 8, 8, 1), (36, 28, 28, 1), (10, 1, 8, 8, 3)])
def test_small_images_fill_a_readable_sheet(shape):
    assert 600 <= max(image_grid(np.zeros(shape)).size) <= 900


def test_large_images_are_not_shrunk():
    assert image_grid(np.zeros((2, 512, 512, 3)), columns=2, pad=0).size == (1024, 512)


def test_row_labels_stand_left_of_their_rows():
    images = np.zeros((2, 4, 8, 8, 1))
    plain = image_grid(images)
    labelled = image_grid(images, row_labels=["input", ""])
    margin = labelled.width - plain.width
    assert margin > 30 and labelled.height == plain.height
    pixels = np.asarray(labelled)
    np.testing.assert_array_equal(pixels[:, margin:], plain)
    upper, lower = np.split(pixels[: plain.height // 2 * 2, :margin], 2)
    assert upper.min() < 50 and lower.min() == 255  # ink beside the first row alone


def test_long_row_labels_are_wrapped():
    images = np.zeros((1, 4, 8, 8, 1))
    caption = "a large red circle above a small blue square " * 2
    widest_line = image_grid(images, row_labels=["m" * LABEL_CHARACTERS])
    assert image_grid(images, row_labels=[caption]).width < widest_line.width


@pytest.mark.parametrize("shape", [(4, 8, 8), (0, 8, 8, 1)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"\[N, H, W, C\]"):
        image_grid(np.zeros(shape))


def test_a_label_for_each_row_is_needed():
    with pytest.raises(ValueError, match="2 rows, but 1 row labels"):
        image_grid(np.zeros((2, 4, 8, 8, 1)), row_labels=["input"])


def test_captions_stand_below_their_images_no_wider_than_they_are():
    images = np.random.default_rng(2).random((3, 8, 8, 1))
    sheet = np.asarray(image_grid(images, columns=2, scale=10, captions=["W → M", "", "a name of many letters"]))
    plain = np.asarray(image_grid(images, columns=2, scale=10))
    strips = {0: sheet[84:112, 4:84], 1: sheet[84:112, 88:168], 2: sheet[196:, 4:84]}
    assert strips[0].min() < 50 and strips[2].min() < 50 and strips[1].min() == GAP_GREY
    np.testing.assert_array_equal(sheet[:84], plain[:84])
    np.testing.assert_array_equal(sheet[112:192], plain[88:168])
    np.testing.assert_array_equal(sheet[:, :4], GAP_GREY)
    np.testing.assert_array_equal(sheet[196:, 84:], GAP_GREY)


def test_each_image_has_its_caption():
    with pytest.raises(ValueError, match="3 images, but 2 captions"):
        image_grid(np.zeros((3, 8, 8, 1)), captions=["a", "b"])


def test_rows_of_images_lie_in_the_order_of_their_names_whatever_their_shape():
    black, white = np.zeros((4, 2, 2, 1)), np.ones((4, 4))
    found = image_rows({"black": black, "white": white}, (2, 2, 1), columns=2)
    expected = image_grid(
        np.concatenate([black, np.ones((4, 2, 2, 1))]), columns=2, row_labels=["black", "", "white", ""]
    )
    np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))


def test_rows_are_spread_from_the_first_to_the_last():
    assert spread(9, 3).tolist() == [0, 4, 8] and spread(2, 12).tolist() == [0, 1] and spread(1, 5).tolist() == [0]


def test_a_credit_stands_below_and_nothing_where_there_is_none():
    sheet = image_grid(np.full((2, 4, 4, 1), 0.5))
    assert credited(sheet, "") is sheet
    whole = credited(sheet, "Pictures by somebody who wants to be named, however long the name may be")
    assert whole.width == sheet.width and whole.height > sheet.height
    assert np.array_equal(np.asarray(whole)[: sheet.height], np.asarray(sheet))
    assert (np.asarray(whole)[sheet.height :] < 100).any()
