"""What is measured on samples: which images are compared, in which direction, and in how much memory."""

import dataclasses
import tracemalloc

import numpy as np
import pytest

from deeplearn.data import Arrays, Dataset
from deeplearn.errors import UserError
from deeplearn.judge import (
    is_judged,
    judge,
    nearest_training,
    need_judge,
    quality,
    reference_rows,
    sample_count,
    sample_quality,
    swept_quality,
)
from deeplearn.metrics.distances import (
    class_score,
    density_coverage,
    frechet,
    kernel_distance,
    precision_recall,
)
from tests.judge.sets import images

METRICS = {
    "frechet_distance", "kernel_distance", "kernel_distance_stderr", "precision", "recall", "density", "coverage",
    "class_score", "confident", "nearest_distance", "nearest_distance_training",
}  # fmt: skip

pytestmark = pytest.mark.usefixtures("trainings")  # random weights: the judge's output does not matter here


@pytest.fixture(name="dataset")
def patterns(tmp_path):
    return images(directory=tmp_path)


def made(count, shape=(8, 8, 1), seed=5):
    return np.random.default_rng(seed).uniform(size=(count, *shape)).astype(np.float32)


def rms(a, b):
    return np.sqrt(np.mean((a.astype(np.float64) - b) ** 2))


def test_it_is_what_the_metrics_say_of_the_judge_s_features(dataset):
    samples, labels = made(20), np.arange(20) % 3
    found, its_judge = sample_quality(samples, dataset, labels), judge(dataset)
    reference = dataset.train.gather(quality.training_halves(dataset)[0][:20])["image"]
    (probabilities, features), real = its_judge(samples), its_judge(reference)[1]
    everything = dataset.train.arrays()["image"]
    known = [min(rms(x, y) for y in everything if (x != y).any()) for x in reference]
    assert set(found) == METRICS | {"accuracy"}
    assert found == {
        "frechet_distance": pytest.approx(frechet(real, features), rel=1e-4),
        "kernel_distance": pytest.approx(kernel_distance(real, features)[0], rel=1e-3),
        "kernel_distance_stderr": pytest.approx(kernel_distance(real, features)[1], rel=1),  # other blocks
        **precision_recall(real, features),
        **density_coverage(real, features),
        "class_score": pytest.approx(class_score(probabilities), rel=1e-5),
        "confident": (probabilities.max(-1) > 0.9).mean(),
        "accuracy": (probabilities.argmax(-1) == labels).mean(),
        "nearest_distance": pytest.approx(np.mean([min(rms(x, y) for y in everything) for x in samples]), rel=1e-5),
        "nearest_distance_training": pytest.approx(np.mean(known), rel=1e-5),
    }
    assert found == sample_quality(samples, dataset, labels)


def test_blocks_and_types_make_no_difference(dataset, monkeypatch):
    eight = (255 * made(20)).astype(np.uint8)
    expected = sample_quality((eight / 255).astype(np.float64), dataset)
    assert sample_quality(eight, dataset) == pytest.approx(expected, rel=1e-3)
    monkeypatch.setattr(quality, "SEARCH_BYTES", 7 * 256)
    assert sample_quality(eight, dataset) == pytest.approx(expected, rel=1e-3)
    assert sample_quality(20 * (eight / 255.0) - 5, dataset) == sample_quality(
        np.clip(20 * (eight / 255.0) - 5, 0, 1), dataset
    )


def test_copies_are_seen_whichever_half_they_come_from(dataset):
    for half in quality.training_halves(dataset):
        copies = dataset.train.gather(half[:10])["image"]
        found = sample_quality(copies, dataset)
        assert found["nearest_distance"] < 1e-6 < found["nearest_distance_training"]
        np.testing.assert_array_equal(nearest_training(copies, dataset), copies)


def test_as_many_are_compared_on_both_sides(dataset, monkeypatch):
    seen = []
    monkeypatch.setattr(quality, "frechet", lambda a, b: seen.append((len(a), len(b))) or 0.0)
    for count in (5, 30, 50):
        sample_quality(made(count), dataset)
    assert seen == [(5, 5), (30, 30), (30, 30)]  # half of 60 training images
    assert sample_count(dataset) == 24 and sample_count(dataset, 10) == 10


def test_too_many_samples_are_chosen_from_at_random(dataset, monkeypatch):
    """They often come class by class; labels and images stay together."""
    its_judge = judge(dataset)
    samples = made(50)
    labels = its_judge(samples)[0].argmax(-1)
    assert sample_quality(samples, dataset, labels)["accuracy"] == 1
    seen = []
    monkeypatch.setattr(quality, "frechet", lambda real, fake: seen.append(fake) or 0.0)
    sample_quality(samples, dataset)
    chosen = [np.abs(its_judge(samples)[1] - row).sum(-1).argmin() for row in seen[0]]
    assert len(set(chosen)) == 30 and max(chosen) >= 40 and chosen != sorted(chosen)


def test_reference_rows_are_measured_in_the_same_way(dataset):
    rows = reference_rows(dataset, 20, labels=True, test="held-out fonts")
    assert list(rows) == ["other training images", "held-out fonts", "Gaussian on pixels"]
    measured = {name: row() for name, row in rows.items()}
    assert all(set(row.metrics) == METRICS | {"accuracy"} for row in measured.values())
    others = measured["other training images"]
    assert others.arrays["image"].shape == (20, 8, 8, 1)
    compared, apart = quality.training_halves(dataset)
    assert not set(compared) & set(apart) and len(compared) == len(apart) == 30
    np.testing.assert_array_equal(others.arrays["image"], dataset.train.gather(apart[:20])["image"])
    # No image is compared with itself.
    assert 0.5 < others.metrics["nearest_distance"] / others.metrics["nearest_distance_training"] < 2
    gaussian = measured["Gaussian on pixels"]
    assert gaussian.metrics["frechet_distance"] > others.metrics["frechet_distance"]
    assert gaussian.arrays["image"].min() >= 0 and gaussian.arrays["image"].max() <= 1
    assert set(reference_rows(dataset, 20)["test images"]().metrics) == METRICS


@pytest.mark.parametrize("shape", [(2, 3, 1), (9, 12, 3), (16, 8, 4)])
def test_images_of_any_shape_in_small_numbers(tmp_path, shape):
    dataset = images(shape, classes=2, train=6, test=3, directory=tmp_path)
    found = sample_quality(made(3, shape), dataset)
    assert all(map(np.isfinite, found.values()))
    assert nearest_training(made(3, shape), dataset).shape == (3, *shape)
    for row in reference_rows(dataset).values():
        assert all(map(np.isfinite, row().metrics.values()))


def test_one_class(tmp_path):
    dataset = images(classes=1, directory=tmp_path)
    found = sample_quality(made(20), dataset, np.zeros(20, int))
    assert found["confident"] == found["accuracy"] == 1 and found["frechet_distance"] > 0


def test_what_cannot_be_judged_ends_in_a_sentence(dataset, tmp_path):
    with pytest.raises(UserError, match=r"^2 samples and 30 training images .* too few to judge"):
        sample_quality(made(2), dataset)
    with pytest.raises(UserError, match="3 samples and 2 training images"):
        sample_quality(made(3), images(train=5, directory=tmp_path))
    with pytest.raises(
        UserError, match=r"shape \(5, 4, 4, 1\) cannot be judged: the data's images are \(8, 8, 1\)"
    ):
        sample_quality(made(5, (4, 4, 1)), dataset)
    with pytest.raises(UserError, match="4 samples have 3 labels"):
        sample_quality(made(4), dataset, np.zeros(3, int))
    for value in (np.nan, np.inf, -np.inf):
        diverged = made(4)
        diverged[2, 3, 3] = value
        with pytest.raises(UserError, match="not finite"):
            sample_quality(diverged, dataset)
    unlabelled = Arrays({"image": made(20)})
    with pytest.raises(UserError, match=r"no labelled images: .* so choose a set with classes"):
        sample_quality(made(4), Dataset("some", *[unlabelled] * 3))


def test_memory_is_a_few_times_the_images(tmp_path):
    """128×128 colour images, held as uint8: no float copy of the training split, no matrix of pixels."""
    shape, rng = (128, 128, 3), np.random.default_rng(0)

    def split(size):
        pixels = rng.integers(256, size=(size, *shape), dtype=np.uint8)
        return Arrays({"image": pixels, "label": (np.arange(size) % 2).astype(np.int32)}, levels=256)

    dataset = Dataset("noise", split(240), split(8), split(120), ("a", "b"), 256, directory=tmp_path)
    samples = made(120, shape)
    tracemalloc.start()
    sample_quality(samples, dataset)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    assert peak < 3.5 * samples.nbytes  # one more copy of half the training split would be 4
    reference_rows(dataset)["Gaussian on pixels"]()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 9 * samples.nbytes  # a Gaussian is fitted in float64


def test_what_cannot_be_judged_is_reported_before_a_generator_is_trained(trainings):
    need_judge(images(train=6, test=3))
    for sizes, count in (({"train": 5}, 2), ({"test": 2}, 2)):
        with pytest.raises(UserError, match=f"too few images: .* here {count} images"):
            need_judge(images(**sizes))
    with pytest.raises(UserError, match="not classes"):
        need_judge(dataclasses.replace(images(), classes=()))
    assert not trainings


def test_a_sweep_measures_what_samples_are_measured_by(dataset):
    found, expected = swept_quality(made(20), dataset), sample_quality(made(20), dataset)
    assert found == {name: pytest.approx(expected[name], rel=1e-3, abs=1e-4) for name in found}
    assert set(found) == {"frechet_distance", "precision", "recall"}


def test_pictures_without_labels_have_no_judge_and_labelled_ones_that_cannot_be_judged_are_refused():
    labelled = images()
    bare = Arrays({"image": labelled.train.arrays()["image"]})
    assert is_judged(labelled) and not is_judged(Dataset("mine", bare, bare, bare))
    with pytest.raises(UserError, match="too few images"):
        is_judged(images(train=4, test=2))
    points = Arrays({"point": np.zeros((4, 2), np.float32)})
    with pytest.raises(UserError, match="has no images: this experiment draws images"):
        is_judged(Dataset("points", points, points, points))
