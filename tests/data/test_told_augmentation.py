"""Changes of which a generator is told: the label says what was done, and undoing it gives the picture."""

import jax
import numpy as np
import pytest

from deeplearn.data.told_augmentation import CHANGES, changed


@pytest.fixture(scope="module")
def images():
    """Pictures of noise in a white frame, which no move leads out of the picture."""
    inside = np.random.default_rng(0).random((200, 24, 20, 3)).astype(np.float32)
    return np.pad(inside, ((0, 0), (4, 4), (6, 6), (0, 0)), constant_values=1.0)


def test_the_label_says_what_was_done(images):
    found, label = (np.asarray(each) for each in changed(jax.random.key(0), images, 0.5, 2))
    assert label.shape == (200, CHANGES) and found.shape == images.shape
    assert set(np.unique(label[:, 1:])) == {-1, 0, 1}
    for image, made, (mirrored, down, across) in zip(images, found, label, strict=True):
        undone = np.roll(made, (-2 * int(down), -2 * int(across)), (0, 1))
        np.testing.assert_array_equal(undone[:, ::-1] if mirrored else undone, image)


def test_an_edge_fills_the_gap_of_pictures_of_any_shape():
    images = np.random.default_rng(1).random((40, 6, 9, 1)).astype(np.float32)
    found, label = (np.asarray(each) for each in changed(jax.random.key(3), images, 0.5, 1))
    for image, made, (mirrored, down, across) in zip(images, found, label, strict=True):
        wide = np.pad(image[:, ::-1] if mirrored else image, ((1, 1), (1, 1), (0, 0)), mode="edge")
        top, left = 1 - int(down), 1 - int(across)
        np.testing.assert_array_equal(made, wide[top : top + 6, left : left + 9])


def test_changes_are_as_frequent_as_is_said_and_apart(images):
    _, label = changed(jax.random.key(1), images.repeat(5, 0), 0.3, 1)
    mirrored, moved = np.asarray(label[:, 0] > 0), np.asarray(label[:, 1:] != 0).any(1)
    assert 0.25 < mirrored.mean() < 0.35 and 0.22 < moved.mean() < 0.31  # one move of nine is none
    assert 0.05 < (mirrored & moved).mean() < 0.12


def test_without_changes_pictures_and_labels_stand(images):
    found, label = changed(jax.random.key(2), images, 0.0, 2)
    np.testing.assert_array_equal(found, images)
    assert not np.asarray(label).any()
