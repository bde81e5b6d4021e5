import functools
import types

import jax
import pytest

from deeplearn.judge import judges, train


@pytest.fixture(autouse=True)
def little_training(monkeypatch, tmp_path):
    """Few steps; and nothing is left in the user's own cache."""
    monkeypatch.setattr(train, "STEPS", (20, 20))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(name="trainings")
def pretended_training(monkeypatch):
    """The data sets and seeds that judges were trained on; none is, their weights are drawn."""
    seen = []

    def pretend(dataset, seed):
        seen.append((dataset, seed))
        return types.SimpleNamespace(
            variables=drawn(judges.network(dataset), dataset.train.arrays(1)["image"], seed)
        )

    monkeypatch.setattr(judges, "train", pretend)
    return seen


@functools.partial(jax.jit, static_argnums=0)
def drawn(model, image, seed):
    return model.init(jax.random.key(seed), image, False)
