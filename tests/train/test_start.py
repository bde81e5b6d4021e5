"""A run that starts from given weights: each replica's own, in the averages and optimisers too."""

import dataclasses

import jax
import numpy as np
import pytest

from deeplearn import data
from deeplearn.train.parallel import Layout, local, make_layout
from deeplearn.train.trainer import Trainer

from . import toy


def doubled(variables):
    """The first network doubled: each replica keeps its own values."""
    params = dict(variables["params"])
    params["first"] = jax.tree.map(lambda leaf: 2 * leaf, params["first"])
    return {**variables, "params": params}


def with_start(experiment, index, start):
    stages = list(experiment.stages)
    stages[index] = dataclasses.replace(stages[index], start=start)
    return dataclasses.replace(experiment, stages=stages)


@pytest.mark.parametrize(
    ("looped", "replicas", "mesh"), [(True, 2, ""), (False, 2, ""), (False, 1, "data:2,model:2")]
)
@pytest.mark.parametrize("stage", [0, 1])
def test_a_stage_starts_from_what_it_is_given(data_dir, looped, replicas, mesh, stage):
    config = toy.Config(replicas=replicas, norm=True, batch_size=8)
    experiment = toy.build(config, data.load("digits", str(data_dir)))
    layout = make_layout(mesh, "jit") if mesh else Layout()

    def states(experiment):
        trainer = Trainer(experiment, config, layout, looped=looped)
        initial = trainer.initial()
        return local(trainer.enter(experiment.starts()[1], initial) if stage else initial)

    for old, new in zip(states(experiment), states(with_start(experiment, stage, doubled)), strict=True):
        np.testing.assert_array_equal(new.params["first"]["kernel"], 2 * old.params["first"]["kernel"])
        np.testing.assert_array_equal(new.params["third"]["kernel"], old.params["third"]["kernel"])
        assert jax.tree.structure(old) == jax.tree.structure(new)
        if not stage:
            np.testing.assert_array_equal(new.ema["first"]["kernel"], new.params["first"]["kernel"])


def test_weights_of_another_shape_are_refused(data_dir):
    config = toy.Config()
    experiment = toy.build(config, data.load("digits", str(data_dir)))
    experiment = with_start(experiment, 0, lambda v: jax.tree.map(lambda x: x[..., :1], v))
    with pytest.raises(AssertionError, match="shape"):
        Trainer(experiment, config, Layout()).initial()


@pytest.mark.parametrize("mesh", ["", "data:2,model:2"])
def test_a_fresh_state_lies_as_a_restored_one_or_each_resumed_run_would_compile_again(data_dir, mesh):
    config = toy.Config(batch_size=8)
    experiment = toy.build(config, data.load("digits", str(data_dir)))
    trainer = Trainer(experiment, config, make_layout(mesh, "jit"))
    states, step = trainer.initial(), 0
    for stage in experiment.stages:
        if step:
            states = trainer.enter(step, states)
        for fresh, restored in zip(jax.tree.leaves(states), jax.tree.leaves(trainer.abstract(step)), strict=True):
            assert fresh.committed and fresh.sharding == restored.sharding
        step += stage.steps
    assert step > experiment.stages[0].steps
