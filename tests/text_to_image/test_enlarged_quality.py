"""Pictures that were made large: the truth is best, and interpolation agrees with what is known."""

import numpy as np

from deeplearn.text_to_image.enlarged_quality import enlarged_quality, interpolations, known_rows
from tests.experiments.pretend import pretend


def test_the_truth_is_right_and_repeated_pixels_know_only_the_small_picture():
    dataset = pretend("openmoji/people-16", 12)
    rows = known_rows(dataset)
    true = enlarged_quality(rows["image"], dataset, rows, 4).metrics
    assert true["psnr"] == true["psnr_small"] == 100 and true["sharpness"] == true["identity"] == 1
    found = {name: thunk().metrics for name, thunk in interpolations(dataset, 4).items()}
    assert found["pixels repeated"]["psnr_small"] > 90 > found["cubic interpolation"]["psnr_small"]
    for metrics in found.values():
        assert metrics["psnr"] < 20 and metrics["sharpness"] < 0.5 and np.isfinite(list(metrics.values())).all()
