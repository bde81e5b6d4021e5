"""What a judge says of made images, where it is known."""

import numpy as np
import pytest

from deeplearn.metrics.distances import frechet, precision_recall
from deeplearn.metrics.judged import compare


@pytest.fixture(name="sets")
def made_and_real():
    generator = np.random.default_rng(0)
    return {
        "images": generator.uniform(size=(40, 4, 3, 2)),
        "real_images": generator.uniform(size=(50, 4, 3, 2)),
        "logits": generator.normal(size=(40, 3)),
        "temperature": 1.0,
        "features": 0.3 * generator.normal(size=(40, 5)),
        "real_features": generator.normal(size=(50, 5)),
    }


def test_confident_is_the_share_of_sure_images(sets):
    sets["logits"] = np.log([[0.91, 0.09], [0.05, 0.95], [0.899, 0.101], [0.5, 0.5]] * 10)
    assert compare(**sets)["confident"] == compare(**sets)["confident_raw"] == 0.5
    # Odds of .899 to .101, squared, are 79 to 1: more than nine to one.
    colder = compare(**{**sets, "temperature": 0.5})
    assert (colder["confident"], colder["confident_raw"]) == (0.75, 0.5)


def test_nearest_is_the_root_mean_square_difference_per_pixel(sets):
    expected = [
        min(np.sqrt(np.mean((image - real) ** 2)) for real in sets["real_images"]) for image in sets["images"]
    ]
    assert compare(**sets)["nearest"] == pytest.approx(np.mean(expected), rel=1e-6)
    sets["images"] = sets["real_images"][5:20]
    assert compare(**sets)["nearest"] == pytest.approx(0, abs=1e-6)


def test_features_are_compared_in_the_right_direction(sets):
    """The made features lie close together among the real ones: all of them credible, few of those covered."""
    found, real, made = compare(**sets), sets["real_features"], sets["features"]
    expected = precision_recall(real, made)
    assert (found["precision"], found["recall"]) == (expected["precision"], expected["recall"])
    assert found["precision"] > 0.9 and found["recall"] < 0.2
    assert found["frechet"] == pytest.approx(frechet(made, real), rel=1e-6)
    assert found["kernel_distance"] > 0
