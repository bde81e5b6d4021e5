"""What is normal, what each network learns from, and what its score is."""

import dataclasses

import jax
import numpy as np
import pytest
from scipy.special import expit

from deeplearn.data import Arrays, Dataset
from deeplearn.errors import UserError
from deeplearn.measured import OURS
from deeplearn.models.detectors import Detectors
from deeplearn.train import Trained
from experiments.autoencoders import anomaly

RNG = np.random.default_rng(0)
COLUMNS = {
    "image": RNG.uniform(size=(60, 2, 3, 1)).astype(np.float32),
    "features": (RNG.normal(size=(60, 5)) * 7 + 3).astype(np.float32),
    "label": (np.arange(60) % 3).astype(np.int32),
}


def dataset(*keys):
    split = Arrays({key: COLUMNS[key] for key in keys})
    return Dataset("toy", split, split, split, classes=("a", "b", "c") if "label" in keys else ())


def built(data, **values):
    """(experiment, it with random weights)"""
    config = anomaly.Config(hidden=(4,), code=2, **values)
    experiment = anomaly.build(config, data)
    loss = experiment.stages[0].turns[0].loss
    shapes = jax.eval_shape(
        lambda key: experiment.model.init(key, data.train.arrays(2), method=loss), jax.random.key(0)
    )
    weights = jax.tree.map(lambda leaf: 0.5 * RNG.normal(size=leaf.shape).astype(np.float32), shapes)
    return experiment, Trained(experiment.model, weights, jax.random.key(1))


def by_hand(trained, x, problem):
    """The reconstruction by one member's matrices."""
    tree = jax.tree.map(lambda leaf: np.asarray(leaf)[problem], trained.variables["params"]["autoencoders"])
    (member,) = tree.values()
    for network in ("encoder", "decoder"):
        first, last = (member[network][name] for name in ("Dense_0", "Dense_1"))
        x = np.maximum(x @ first["kernel"] + first["bias"], 0) @ last["kernel"] + last["bias"]
    return x


def test_a_class_is_left_out_for_each_network_or_some_are_normal():
    three, none = dataset("image", "label"), dataset("image")
    each, names = anomaly.what_is_normal(anomaly.Config(), three)
    assert each == ((False, True, True), (True, False, True), (True, True, False)) and names == ["a", "b", "c"]
    assert anomaly.what_is_normal(anomaly.Config(), none) == (((True,),), ["nothing"])
    some = anomaly.Config(normal=("a", "c"))
    assert anomaly.what_is_normal(some, three) == (((True, False, True),), ["the rest"])
    three.about["not in train"] = ("a",)
    assert anomaly.what_is_normal(anomaly.Config(), three) == (((False, True, True),), ["the rest"])


def test_scores_are_squared_errors_and_each_network_learns_from_its_normal_images_alone():
    data = dataset("image", "label")
    experiment, trained = built(data, noise=0.0)
    x = COLUMNS["image"].reshape(60, 6)
    errors = np.stack([np.square(expit(by_hand(trained, x, p)) - x).sum(1) for p in range(3)])
    np.testing.assert_allclose(trained(Detectors.anomaly_scores, COLUMNS["image"]), errors.T, rtol=1e-4, atol=1e-5)
    loss, metrics = trained(experiment.stages[0].turns[0].loss, data.train.arrays())
    normal = np.arange(3)[:, None] != COLUMNS["label"]
    assert float(loss) == pytest.approx((errors * normal).sum() / 6 / 60, rel=1e-4)
    assert float(metrics["mse"].value) == pytest.approx(errors[normal].mean() / 6, rel=1e-4)


def test_features_are_standardised_on_normal_rows():
    _, trained = built(dataset("features", "label"), normal=("b",))
    rows = COLUMNS["features"][COLUMNS["label"] == 1]
    x = (COLUMNS["features"] - rows.mean(0)) / rows.std(0)
    errors = np.square(by_hand(trained, x, 0) - x).sum(1)
    np.testing.assert_allclose(trained(Detectors.anomaly_scores, COLUMNS["features"])[:, 0], errors, rtol=1e-3)


def test_without_labels_all_is_normal_and_false_alarms_are_counted():
    experiment, trained = built(dataset("image"))
    row = experiment.evaluate(trained, experiment.data)[OURS].metrics
    assert set(row) == {"false_alarms", "mse"}
    assert row["false_alarms"] == pytest.approx(0.05)  # of the very images that the threshold is set on: 3 of 60


def test_a_class_that_is_not_there_is_a_sentence():
    with pytest.raises(UserError, match="--normal=x is not a class of digits, which has 'a', 'b', 'c'"):
        built(dataset("image", "label"), normal=("x",))
    with pytest.raises(UserError, match="has no labels"):
        built(dataset("image"), normal=("a",))


def test_what_leaves_nothing_normal_or_hundreds_of_problems_is_a_sentence():
    whole = dataset("image", "label")
    one = Arrays({**whole.train.arrays(), "label": np.zeros(60, np.int32)})
    with pytest.raises(UserError, match="no normal training example"):
        built(dataclasses.replace(whole, train=one, facts={}))
    many = dataclasses.replace(whole, classes=tuple(map(str, range(5001))))
    with pytest.raises(UserError, match="5001 classes"):
        built(many)
    assert len(built(many, normal=("1",))[0].model.normal) == 1
