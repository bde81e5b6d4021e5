"""Flags to a U-Net."""

import pytest

from deeplearn.errors import UserError
from deeplearn.models.text_unet import Level
from deeplearn.text_to_image.networks import unet


def test_pictures_are_cut_into_as_many_places_and_the_smallest_read():
    found = unet((16, 32), 64, 16)
    assert found.patch == 4 and found.levels == (Level(16), Level(32, 1, True, True))
    assert not unet((16,), 64, 16, reads=False).levels[0].to_text


@pytest.mark.parametrize(
    ("widths", "places", "message"), [((9,), 8, "multiple of 8"), ((8,), 7, "be cut"), ((8, 8), 1, "be halved 1")]
)
def test_numbers_that_do_not_fit_are_refused(widths, places, message):
    with pytest.raises(UserError, match=message):
        unet(widths, 16, places)
