"""How linearly readable a representation is."""

import numpy as np


def linear_probe(
    train_features: np.ndarray,
    train_labels: np.ndarray,
    test_features: np.ndarray,
    test_labels: np.ndarray,
) -> float:
    """Test accuracy, 0 to 1, of a logistic regression on frozen features (Alain & Bengio 2016).

    Features are standardised with the training set's mean and deviation, so that the regression's fixed
    L2 penalty (scikit-learn's default, C = 1) does not favour an encoder for its scale.

    Args:
        train_features: [N, D]. train_labels: [N] integers. test_features: [M, D]. test_labels: [M].
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return float(probe.fit(train_features, train_labels).score(test_features, test_labels))


def few_of_each(labels: np.ndarray, count: int) -> np.ndarray:
    """Indices of the first `count` examples of each class. labels: [N] integers."""
    return np.concatenate([np.flatnonzero(labels == label)[:count] for label in np.unique(labels)])
