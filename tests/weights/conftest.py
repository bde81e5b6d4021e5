import dataclasses

import jax
import numpy as np
import pytest

from deeplearn.train.loop import run
from experiments.foundations import mlp


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory, data_dir):
    """(Directory of a run of foundations.mlp with five hidden units, the weights of each replica at its end)."""
    directory = tmp_path_factory.mktemp("runs") / "mlp"
    config = mlp.Config(
        steps=3, hidden=(5,), replicas=2, workdir=str(directory), data_dir=str(data_dir), log_every=3
    )
    seen = []

    def note(trained, dataset):
        seen.append(jax.tree.map(np.asarray, dict(trained.variables["params"])))
        return {}

    def build(config, dataset):
        experiment = mlp.build(config, dataset)
        return dataclasses.replace(experiment, evaluate=note, baselines=lambda *_: {}, figures=lambda *_: {})

    run("foundations.mlp", build, config, {"module": mlp.__name__})
    return directory, seen
