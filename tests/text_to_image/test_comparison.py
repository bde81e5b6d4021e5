"""Pipelines side by side: pictures of one size, whatever each was trained on."""

import types

import numpy as np
import pytest

from experiments.text_to_image import comparison


@pytest.mark.parametrize(("side", "seen"), [(64, 32), (32, 32), (16, 16)])
def test_larger_pictures_are_looked_at_as_small_as_the_data_s(monkeypatch, side, seen):
    made = np.random.default_rng(0).uniform(size=(2, side, side, 3)).astype(np.float32)
    monkeypatch.setattr(comparison.imagen, "texts_for", lambda trained, config, dataset, texts: ())
    monkeypatch.setattr(comparison.imagen, "pictures", lambda trained, config, dataset: [None, made])
    dataset = types.SimpleNamespace(image_shape=(32, 32, 3))
    trained = {"imagen": types.SimpleNamespace(facts={"config": None})}
    found = comparison.drawing(trained, "imagen", dataset)(["a", "b"])
    assert found.shape == (2, seen, seen, 3)
    np.testing.assert_allclose(found.mean((1, 2)), made.mean((1, 2)), atol=1e-5)
