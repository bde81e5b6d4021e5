"""Tasks of memory side by side: losses, gradients through time, and which tasks a run has."""

import jax
import numpy as np
import pytest

from deeplearn.errors import UserError
from experiments.sequences import memory
from experiments.sequences.memory import Config, Readers, losses, through_time

from .pretend import pretend

TASKS = {name: pretend(f"{name}/10") for name in ("adding", "copy", "recent")}


def readers(kind):
    return Readers(kind, 4, 3, tuple(TASKS))


@pytest.mark.parametrize("task", TASKS)
def test_losses_are_squared_errors_or_nats_of_all_steps(task):
    model, batch = readers("gru"), TASKS[task].test.arrays(5)
    variables = model.init(jax.random.key(0), memory.inputs(batch), batch, task, method=losses)
    found, metrics = model.apply(variables, memory.inputs(batch), batch, task, method=losses)
    answer = np.asarray(
        model.apply(variables, memory.inputs(batch), method=lambda m, x: getattr(m, f"on_{task}")(x))
    )
    if task == "copy":
        log_probability = np.asarray(jax.nn.log_softmax(answer))
        right = np.take_along_axis(log_probability, batch["tags"][..., None], -1)[..., 0]
        np.testing.assert_allclose(found, -right.mean(1), rtol=1e-5)
        assert metrics["recalled"] == pytest.approx((answer.argmax(-1) == batch["tags"])[:, -10:].mean())
    else:
        np.testing.assert_allclose(found, np.square(answer[:, 0] - batch["target"]), rtol=1e-4)


def test_a_window_s_gradient_ends_where_it_does():
    batch = TASKS["adding"].test.arrays(5)
    norms = np.asarray(through_time(readers("window"), jax.random.key(0), batch, "adding"))
    assert (norms[:-3] == 0).all() and (norms[-3:] > 0).all()
    assert (np.asarray(through_time(readers("lstm"), jax.random.key(0), batch, "adding")) > 0).all()


def test_the_forget_gate_s_bias_is_what_differs():
    biases = []
    for kind in ("lstm", "lstm_0"):
        batch = TASKS["recent"].test.arrays(2)
        variables = readers(kind).init(jax.random.key(0), memory.inputs(batch), batch, "recent", method=losses)
        cell = variables["params"]["on_recent"]["Recurrent_0"]["forward_0"]
        biases.append(np.asarray(cell["input"]["bias"]))
    assert biases[0][:4].tolist() == [1] * 4 and not biases[1].any()


def test_a_run_has_the_task_of_its_data_and_the_further_ones():
    experiment = memory.build(Config(dataset="copy/10"), TASKS["copy"])
    assert [stage.name for stage in experiment.stages] == ["copy", "recent"]
    experiment = memory.build(Config(also=(), networks=("gru",)), TASKS["adding"])
    assert [stage.name for stage in experiment.stages] == ["adding"] and not experiment.claims
    with pytest.raises(UserError, match="no task of memory: say adding/50"):
        memory.build(Config(), pretend("digits"))
    with pytest.raises(UserError, match="--networks is empty"):
        memory.build(Config(networks=()), TASKS["adding"])
