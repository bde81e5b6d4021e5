"""Flags to a U-Net."""

import numpy as np
import pytest

from deeplearn.data import Arrays, Dataset
from deeplearn.errors import UserError
from deeplearn.models.super_resolution import details
from deeplearn.models.text_unet import Level
from deeplearn.text_to_image.networks import unet, upsampler


def test_pictures_are_cut_into_as_many_places_and_the_smallest_read():
    found = unet((16, 32), 64, 16)
    assert found.patch == 4 and found.levels == (Level(16), Level(32, 1, True, True))
    alone = unet((16,), 64, 16, to_text=False).levels[0]
    assert alone.to_itself and not alone.to_text and not unet((16,), 64, 16, to_itself=False).levels[0].to_itself


@pytest.mark.parametrize(
    ("widths", "places", "message"), [((9,), 8, "multiple of 8"), ((8,), 7, "be cut"), ((8, 8), 1, "be halved 1")]
)
def test_numbers_that_do_not_fit_are_refused(widths, places, message):
    with pytest.raises(UserError, match=message):
        unet(widths, 16, places)


def test_an_upsampler_draws_details_of_unit_variance():
    image = np.random.default_rng(0).uniform(size=(50, 8, 8, 3)).astype(np.float32)
    dataset = Dataset("noise", *[Arrays({"image": image})] * 3)
    network = unet((8,), 8, 8, to_text=False, to_itself=False)
    found = upsampler(network, dataset, 4, 8, noise_scale=1.5)
    assert np.std(found.normalise(np.asarray(details(image, 4)))) == pytest.approx(1, rel=1e-3)
    assert found.prediction == "x" and found.noise_scale == 1.5
    flat = Dataset("grey", *[Arrays({"image": np.full((5, 8, 8, 3), 0.5, np.float32)})] * 3)
    assert np.isfinite(upsampler(network, flat, 4, 8, 1.0).std)  # nothing to add
