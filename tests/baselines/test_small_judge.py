"""Features of scikit-learn's MLP."""

import numpy as np
from scipy.special import softmax
from sklearn.neural_network import MLPClassifier

from deeplearn.baselines.small_judge import small_judge


def test_its_features_are_the_hidden_layer_of_scikit_learn_s_mlp():
    rng = np.random.default_rng(0)
    x, label = rng.normal(size=(60, 4)), np.arange(60) % 3
    x[np.arange(60), label] += 5
    fitted = MLPClassifier((7,), max_iter=300, tol=1e-3, random_state=0).fit(x, label)
    queries = rng.normal(size=(9, 4))
    features = small_judge(x, label, 7)(queries)
    assert features.shape == (9, 7)
    probabilities = softmax(features @ fitted.coefs_[1] + fitted.intercepts_[1], axis=-1)
    np.testing.assert_allclose(probabilities, fitted.predict_proba(queries), rtol=1e-6)
