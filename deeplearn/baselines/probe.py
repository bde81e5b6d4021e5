"""How much of the labels a linear classifier reads from a representation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import chex
import numpy as np

from deeplearn.baselines.classical import LIMIT
from deeplearn.data import Dataset
from deeplearn.nn.functional import flat


def linear_probe(
    train_features: np.ndarray,
    train_labels: np.ndarray,
    test_features: np.ndarray,
    test_labels: np.ndarray,
) -> float:
    """Test accuracy, 0 to 1, of a logistic regression on frozen features (Alain & Bengio 2016).

    Features are standardised with the training set's mean and standard deviation, so that the regression's fixed
    L2 penalty (scikit-learn's default, C = 1) does not favour an encoder for its scale. Where the training set has
    one class alone, that is what is predicted.

    Args:
        train_features: [N, D]. train_labels: [N] integers. test_features: [M, D]. test_labels: [M].
    """
    chex.assert_rank([train_features, train_labels, test_features, test_labels], [2, 1, 2, 1])
    chex.assert_equal_shape_prefix([train_features, train_labels], 1)
    chex.assert_equal_shape_prefix([test_features, test_labels], 1)
    chex.assert_equal_shape_suffix([train_features, test_features], 1)
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if len(np.unique(train_labels)) == 1:
        return float(np.mean(test_labels == train_labels[0]))
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return float(probe.fit(train_features, train_labels).score(test_features, test_labels))


def few_of_each(labels: np.ndarray, count: int) -> np.ndarray:
    """Indices of the first `count` examples of each class. labels: [N] integers."""
    chex.assert_rank(labels, 1)
    return np.concatenate([np.flatnonzero(labels == label)[:count] for label in np.unique(labels)])


def noisy(x: np.ndarray, std: float) -> np.ndarray:
    """x with Gaussian noise of that standard deviation, not clipped to [0, 1].

    Arrays of equal shape get the same noise at every call.
    """
    return x + np.random.default_rng(0).normal(scale=std, size=x.shape).astype(np.float32)


def probes(
    encode: Callable[[np.ndarray], Any], dataset: Dataset, few: int = 0, noise: float = 0.0
) -> dict[str, float]:
    """Test accuracies of linear probes on codes of the data set's images, fitted to at most 10,000 of them.

    Args:
        encode: flat images [N, pixels] -> codes [N, D].
        few: if given, a second probe is fitted to that many labels of each class.
        noise: if given, the first probe is tested on images with noise of this standard deviation too.

    Returns:
        {"probe", and if requested "few_label_probe", "noisy_probe"}.
    """
    train, test = dataset.train.arrays(LIMIT), dataset.test.arrays()
    x, label = np.asarray(flat(test["image"])), train["label"]
    code, test_code = np.asarray(encode(np.asarray(flat(train["image"])))), np.asarray(encode(x))
    rows = {"probe": linear_probe(code, label, test_code, test["label"])}
    if few:
        chosen = few_of_each(label, few)
        rows["few_label_probe"] = linear_probe(code[chosen], label[chosen], test_code, test["label"])
    if noise:
        rows["noisy_probe"] = linear_probe(code, label, np.asarray(encode(noisy(x, noise))), test["label"])
    return rows
