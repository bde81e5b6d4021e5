"""Pipelines side by side: pictures of one size, whatever each was trained on."""

import types
from functools import partial

import numpy as np
import pytest

from experiments.text_to_image import comparison
from tests.experiments.pretend import pretend


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


def test_pipelines_have_their_share_of_steps_and_batches_of_few_pictures():
    few = pretend("openmoji/people-16", 12)  # of 32 pictures
    own = {name: comparison.own_config(comparison.Config(share=0.5), name, few) for name in comparison.SYSTEMS}
    for name, config in own.items():
        kind = type(config)
        assert config.steps == kind.steps // 2 and config.completer_steps == kind.completer_steps // 2
        for batch in filter(partial(hasattr, config), comparison.BATCHES):
            assert getattr(config, batch) == min(getattr(kind, batch), 32), batch
        assert (name == "dalle") or config.sides == (8, 16)


def test_the_papers_pipelines_complete_nothing():
    published = comparison.Config(networks="published", share=1.0)
    for name in comparison.SYSTEMS:
        assert comparison.own_config(published, name, pretend("openmoji/people-16", 12)).completer_steps == 0
