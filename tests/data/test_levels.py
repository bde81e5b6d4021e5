import numpy as np
import pytest

from deeplearn.data.levels import images_of
from deeplearn.errors import UserError

PIXELS = np.arange(2 * 5 * 6 * 3, dtype=np.uint8).reshape(2, 5, 6, 3)


@pytest.mark.parametrize(
    "array",
    [
        PIXELS,
        PIXELS.transpose(0, 3, 1, 2),
        PIXELS.astype(">i8"),
        np.concatenate([PIXELS, PIXELS * 0 + 255]).astype(np.uint16) * 257,
    ],
)
def test_every_form_of_whole_numbers_gives_the_same_levels(array):
    images, levels, _ = images_of(array, "x")
    assert levels == 256 and images.dtype == np.uint8
    np.testing.assert_array_equal(images[:2], PIXELS)
    assert (images[2:] == 255).all()


def test_dark_images_of_12_bits_are_told():
    _, _, notes = images_of(PIXELS.astype(np.uint16) * 16, "x")
    assert notes[1] == "no pixel of x is brighter than 2864 of 65535: if 2864 is white, divide by it"


@pytest.mark.parametrize("shape", [(5, 3, 4, 4), (5, 1, 2, 2)])
def test_axes_that_could_be_in_another_order_are_refused(shape):
    with pytest.raises(UserError, match="another order of axes"):
        images_of(np.ones(shape, np.uint8), "x")


def test_floats_and_bits_keep_their_values():
    images, levels, notes = images_of(PIXELS[..., 0].astype(">f8") / 255, "x")
    assert levels is None and images.dtype == np.float32 and not notes
    np.testing.assert_allclose(images[..., 0], PIXELS[..., 0] / 255, rtol=1e-6)
    images, levels, _ = images_of(PIXELS[..., 0] > 90, "x")
    assert levels == 2
    np.testing.assert_array_equal(images[..., 0], PIXELS[..., 0] > 90)


def test_one_scale_for_all_and_white_may_be_given():
    images, levels, notes = images_of(PIXELS // 16, "x", 12)
    assert levels == 12 and not notes
    np.testing.assert_array_equal(images, PIXELS // 16)
    assert images_of(PIXELS // 16, "x")[1:] == (
        256,
        ["no pixel of x is brighter than 11 of 255: if 11 is white, store levels=12, too"],
    )
