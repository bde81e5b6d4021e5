"""Each method sees as many examples."""

from experiments.foundations.gradient_descent import Config, build

from .pretend import pretend


def test_each_method_sees_as_many_examples_in_batches_of_its_size():
    experiment = build(Config(steps=64, batch_size=8, hidden=(2,)), pretend("digits"))
    assert [stage.name for stage in experiment.stages] == ["mini_batch", "batch", "stochastic"]
    assert [(stage.batch_size, stage.steps) for stage in experiment.stages] == [(8, 64), (256, 2), (1, 512)]


def test_batch_descent_takes_a_step_however_few_the_steps():
    experiment = build(Config(steps=1, batch_size=8, hidden=(2,)), pretend("digits"))
    assert [stage.steps for stage in experiment.stages] == [32, 1, 256]
