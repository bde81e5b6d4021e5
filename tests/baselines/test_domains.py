"""How far domains are apart, alignment of pixels against the papers' formulas, and what rules choose."""

import numpy as np
import pytest
from scipy.linalg import inv, sqrtm
from sklearn.decomposition import PCA

from deeplearn.baselines.domains import (
    a_distance,
    choices,
    coral_transform,
    measured,
    on_pixels,
    subspace_alignment,
)
from deeplearn.data import Arrays, Dataset
from deeplearn.data.domains import Domains
from deeplearn.errors import UserError
from deeplearn.measured import Measured

RNG = np.random.default_rng(0)


def test_the_distance_is_none_of_one_distribution_and_two_of_two_that_do_not_meet():
    one, same = RNG.normal(size=(2, 300, 3))
    assert a_distance(one, same) < 0.4
    assert a_distance(one, same[:100] + 20) == 2.0
    # Two Gaussians two standard deviations apart are told apart with an error of Φ(−1) = .159.
    assert a_distance(one[:, :1], same[:, :1] + 2) == pytest.approx(2 * (1 - 2 * 0.1587), abs=0.2)


def test_rows_in_the_order_of_their_classes_are_told_apart_as_in_any_other():
    classes = np.repeat(np.arange(5), 40)
    # Within a class the domains differ by a pixel of its own, so a part without a class says nothing of it.
    source, target = (4 * np.eye(5)[classes] + 0.1 * RNG.normal(size=(200, 5)) for _ in range(2))
    target[np.arange(200), classes] += 1
    order = RNG.permutation(200)
    shuffled = a_distance(source[order], target[order])
    assert shuffled > 1 and a_distance(source, target) == pytest.approx(shuffled, abs=0.1)


def test_what_cannot_be_told_apart_is_a_sentence():
    with pytest.raises(UserError, match="one has 4"):
        a_distance(RNG.normal(size=(4, 2)), RNG.normal(size=(9, 2)))
    with pytest.raises(UserError, match="features are not finite"):
        a_distance(np.full((9, 2), np.nan), RNG.normal(size=(9, 2)))


def test_coral_gives_the_source_the_target_s_covariance():
    source, target = RNG.normal(size=(400, 3)), RNG.normal(size=(300, 3)) @ RNG.normal(size=(3, 3))
    of_source, of_target = (np.cov(x, rowvar=False) + np.eye(3) for x in (source, target))
    np.testing.assert_allclose(
        coral_transform(source, target), source @ inv(sqrtm(of_source)) @ sqrtm(of_target), rtol=1e-6
    )


def test_subspaces_are_those_of_scikit_learn(monkeypatch):
    monkeypatch.setattr("deeplearn.baselines.domains.COMPONENTS", 2)
    source, target, test = (
        RNG.normal(size=(40, 4)) * [1, 2, 3, 4],
        RNG.normal(size=(30, 4)),
        RNG.normal(size=(5, 4)),
    )
    standard = (source - source.mean(0)) / source.std(0)
    of_target = (target - target.mean(0)) / target.std(0)
    x, y = (PCA(2).fit(rows).components_.T for rows in (standard, of_target))
    aligned, seen = subspace_alignment(source, target, test)
    np.testing.assert_allclose(np.abs(aligned), np.abs(standard @ x @ x.T @ y), rtol=1e-6)
    np.testing.assert_allclose(np.abs(seen), np.abs((test - target.mean(0)) / target.std(0) @ y), rtol=1e-6)


def side(shift):
    label = (np.arange(40) % 2).astype(np.int32)
    image = (0.1 * RNG.normal(size=(40, 1, 1, 2)) + np.stack([label, 0 * label], -1)[:, None, None] + shift).astype(
        np.float32
    )
    split = Arrays({"image": image, "label": label})
    return Dataset("side", split, split, split, classes=("a", "b"))


def see(statistics, image):
    """A classifier that is right where the statistics are the images' own."""
    features = (image - statistics.mean(0)).reshape(len(image), -1)
    return np.stack([-features[:, 0], features[:, 0]], -1), features


def test_a_classifier_is_measured_with_the_statistics_asked_for():
    domains = Domains(side(0), side(np.array([3.0, 0.0])))
    unadapted, adapted = measured(see, domains, of="source").metrics, measured(see, domains, of="target").metrics
    assert unadapted["accuracy"] == 0.5 and adapted["accuracy"] == adapted["oracle_accuracy"] == 1
    assert unadapted["source_accuracy"] == adapted["source_accuracy"] == 1
    assert unadapted["a_distance"] == 2 and adapted["a_distance"] < 0.5
    assert unadapted["bound"] == 1 and adapted["weighted_error"] == 0


def test_pixels_are_rows_of_three():
    rows = {name: thunk().metrics["accuracy"] for name, thunk in on_pixels(Domains(side(0), side(0))).items()}
    assert rows == {name: 1 for name in rows} and len(rows) == 3


def test_of_an_ordered_split_all_classes_are_measured(monkeypatch):
    monkeypatch.setattr("deeplearn.baselines.domains.LIMIT", 20)
    ordered = Arrays(
        {name: column[np.argsort(np.arange(40) % 2)] for name, column in side(0).train.arrays().items()}
    )
    whole = Dataset("ordered", ordered, ordered, ordered, classes=("a", "b"))
    seen = []

    def one(statistics, image):
        seen.append((statistics, image))
        return see(statistics, image)

    found = measured(one, Domains(whole, whole), of="target")
    assert [np.bincount(label).tolist() for label in found.arrays["label"]] == [[10, 10]] * 2
    # Statistics and the test, too, have ten bright pictures among their twenty.
    assert {int((x[..., 0] > 0.5).sum()) for pair in seen for x in pair} == {10}
    monkeypatch.setattr("deeplearn.baselines.domains.FITTED", 20)
    rows = on_pixels(Domains(whole, whole))
    assert {thunk().metrics["accuracy"] for thunk in rows.values()} == {1.0}


def test_each_rule_chooses_by_its_own_number_and_says_what_it_costs():
    def row(accuracy, bound, weighted_error, oracle_accuracy):
        return Measured(
            {
                "accuracy": accuracy,
                "bound": bound,
                "weighted_error": weighted_error,
                "oracle_accuracy": oracle_accuracy,
            }
        )

    found = choices({"a": row(0.5, 0.1, 0.9, 0.4), "b": row(0.7, 0.2, 0.1, 0.6), "c": row(0.8, 0.3, 0.2, 0.9)})
    assert {name: one.metrics for name, one in found.items()} == {
        "chosen by the bound": {"accuracy": 0.5, "cost": pytest.approx(0.3)},
        "chosen by the weighted error": {"accuracy": 0.7, "cost": pytest.approx(0.1)},
        "chosen by an oracle": {"accuracy": 0.8, "cost": 0.0},
    }
    assert [one.arrays["chosen"] for one in found.values()] == ["a", "b", "c"]
