"""Training without a run directory."""

import importlib

import jax
import numpy as np
import pytest

from tests.experiments.pretend import pretend
from tests.train import toy

module = importlib.import_module("deeplearn.train.fit")  # the package has the function under this name


@pytest.fixture(name="shown")
def what_stands_in_the_progress_bar(monkeypatch):
    names = []

    class Progress(module.Progress):
        def update(self, step, stage):
            names.append((step, stage))

    monkeypatch.setattr(module, "Progress", Progress)
    return names


def test_it_takes_all_steps_and_shows_what_it_trains(shown):
    config = toy.Config(steps=6)
    experiment = toy.build(config, pretend("digits"))
    trained = module.fit(experiment, config)
    assert {stage for _, stage in shown} == {"early", "late"} and shown[-1] == (6, "late")
    assert trained.config == config
    shown.clear()
    again = module.fit(experiment, config, "the judge of digits")
    assert {stage for _, stage in shown} == {"the judge of digits"}
    assert all(map(np.array_equal, *(jax.tree.leaves(one.variables) for one in (trained, again))))
