"""Distances of pictures to the truth: scikit-image's numbers, and what a blur does to each."""

from pathlib import Path

import numpy as np
import pytest

from deeplearn.metrics.pictures import compared, patch_distance, psnr, ssim

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "structure.npz")


@pytest.mark.parametrize("name", ["colour", "grey"])
@pytest.mark.parametrize("metric", [psnr, ssim])
def test_they_are_those_of_scikit_image(metric, name):
    found = metric(GOLDEN[f"made {name}"], GOLDEN[f"truth {name}"])
    np.testing.assert_allclose(found, GOLDEN[f"{metric.__name__} {name}"], rtol=1e-5)


def test_patches_of_the_same_pictures_in_another_order_are_at_no_distance():
    pictures = np.random.default_rng(0).uniform(size=(4, 12, 12, 3)).astype(np.float32)
    assert patch_distance(pictures[::-1], pictures) == pytest.approx(0, abs=1e-6)
    assert patch_distance(pictures + 0.5, pictures) == pytest.approx(4 * 4 * 3 * 0.25, rel=1e-3)
    flat = np.broadcast_to(pictures.mean((1, 2), keepdims=True), pictures.shape)
    assert patch_distance(flat, pictures) > 1


def test_equal_pictures_and_those_too_small_for_a_window():
    pictures = np.random.default_rng(0).uniform(size=(1, 2, 3, 1)).astype(np.float32)
    metrics = compared(pictures, pictures)
    assert metrics == {"l1": 0.0, "psnr": 100.0, "patch_distance": pytest.approx(0, abs=1e-9)}
    assert "ssim" in compared(*[np.zeros((1, 11, 11, 1), np.float32)] * 2)
