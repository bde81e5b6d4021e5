"""What is measured of a code, where it is known."""

import numpy as np
import pytest

from experiments.autoencoders import reduction


def test_a_code_that_tells_classes_apart_and_one_that_is_noise():
    rng = np.random.default_rng(0)
    label = np.arange(120) % 3
    x = rng.normal(size=(120, 6)) + 20 * np.eye(6)[label]
    good = reduction.quality(x, x @ np.linalg.qr(rng.normal(size=(6, 6)))[0], label)  # turned: the same neighbours
    assert good == pytest.approx(
        {"knn_accuracy": 1, "trustworthiness": 1, "rand_index": 1, "mutual_information": 1}
    )
    noise = reduction.quality(x, rng.normal(size=(120, 2)), label)
    assert noise["knn_accuracy"] < 0.6 and abs(noise["rand_index"]) < 0.1 and noise["mutual_information"] < 0.1
    assert 0.4 < noise["trustworthiness"] < 0.6


def test_a_point_is_no_neighbour_of_its_own():
    """Labels in turn along a line: of five neighbours three have the other label, though the point has its own."""
    code = np.arange(40.0)[:, None]
    assert reduction.quality(code, code, np.arange(40) % 2)["knn_accuracy"] < 0.5
