"""The linear probe on scikit-learn's digits, where its number is known."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from deeplearn.baselines.probe import few_of_each, linear_probe, noisy, probes
from deeplearn.data import Arrays, Dataset


@pytest.fixture(name="digits", scope="module")
def split_digits():
    x, y = load_digits(return_X_y=True)
    return train_test_split(x / 16, y, train_size=600, test_size=500, stratify=y, random_state=0)


def test_accuracy_of_raw_pixels(digits):
    train, test, train_labels, test_labels = digits
    assert 0.93 < linear_probe(train, train_labels, test, test_labels) < 0.98  # .968 from 1297 examples


def test_scale_and_offset_of_a_feature_do_not_matter(digits):
    train, test, train_labels, test_labels = digits
    scale = 10.0 ** np.random.default_rng(0).uniform(-4, 4, 64)
    plain = linear_probe(train, train_labels, test, test_labels)
    assert linear_probe(train * scale + 3, train_labels, test * scale + 3, test_labels) == pytest.approx(
        plain, abs=0.005
    )


def test_features_without_information_are_at_chance(digits):
    _, _, train_labels, test_labels = digits
    noise = np.random.default_rng(1).normal(size=(len(train_labels) + len(test_labels), 8))
    accuracy = linear_probe(noise[: len(train_labels)], train_labels, noise[len(train_labels) :], test_labels)
    assert accuracy == pytest.approx(0.1, abs=0.05)


def test_one_class_alone_is_what_is_predicted():
    assert linear_probe(np.zeros((3, 2)), np.array([1, 1, 1]), np.zeros((4, 2)), np.array([1, 0, 1, 1])) == 0.75


def test_few_labels_are_the_first_of_each_class():
    np.testing.assert_array_equal(few_of_each(np.array([1, 0, 1, 1, 0, 2]), 2), [1, 4, 0, 2, 5])


def test_noise_has_the_standard_deviation_asked_for_and_is_the_same_again():
    x = np.full((300, 40), 0.5, np.float32)
    found = noisy(x, 0.25)
    assert found.dtype == np.float32
    assert (found - x).std() == pytest.approx(0.25, rel=0.02) and found.mean() == pytest.approx(0.5, abs=0.01)
    np.testing.assert_array_equal(found, noisy(x, 0.25))


def test_each_probe_sees_the_labels_and_the_images_that_it_should(digits):
    x_train, x_test, train_label, test_label = digits
    train, test = (
        Arrays({"image": x.reshape(-1, 8, 8, 1).astype(np.float32), "label": label.astype(np.int32)})
        for x, label in ((x_train, train_label), (x_test, test_label))
    )
    dataset = Dataset("digits", train, train, test, classes=tuple("0123456789"))
    found = probes(lambda x: 2 * x[:, :40], dataset, few=3, noise=0.5)
    code, clean = (2 * split.arrays()["image"].reshape(-1, 64)[:, :40] for split in (train, test))
    few = [i for i, label in enumerate(train_label) if list(train_label[:i]).count(label) < 3]
    changed = 2 * noisy(test.arrays()["image"].reshape(-1, 64), 0.5)[:, :40]
    assert found == {
        "probe": linear_probe(code, train_label, clean, test_label),
        "few_label_probe": pytest.approx(linear_probe(code[few], train_label[few], clean, test_label), abs=0.003),
        "noisy_probe": linear_probe(code, train_label, changed, test_label),
    }
    assert found["probe"] > found["few_label_probe"] + 0.05 and found["probe"] > found["noisy_probe"] + 0.05
    assert set(probes(lambda x: x, dataset)) == {"probe"}


def test_labels_of_another_number_are_reported():
    x = np.zeros((4, 2))
    with pytest.raises(AssertionError):
        linear_probe(x, np.zeros(3, int), x, np.zeros(4, int))
