"""A finished run beside others: its weights stay what they are."""

import jax
import numpy as np

from deeplearn import data, runs
from deeplearn import train as dl
from deeplearn.text_to_image.opened import opened
from deeplearn.train.parallel import Layout, local
from deeplearn.train.trainer import Trainer
from tests.draw.pages import Config
from tests.draw.painters import painters  # noqa: F401


def test_its_weights_are_the_run_s_before_and_after_its_only_step(painters, data_dir):  # noqa: F811
    run = runs.open(painters[True])
    dataset = data.load("shapes/64", data_dir)  # pictures of another size than the run's
    experiment = dl.side_by_side({"painter": opened(run, "painter")}, data=dataset)
    assert experiment.steps == 1
    trainer = Trainer(experiment, Config(), Layout())
    assert trainer.feed.examples[0]["image"].shape == (2, 32, 32, 3)
    states, _, step = trainer.advance(trainer.initial(), 0, 1)
    assert step == 1
    after = local(states[0].params)["painter"]
    for one, other in zip(jax.tree.leaves(after), jax.tree.leaves(run.weights["params"]), strict=True):
        np.testing.assert_array_equal(one, other)
