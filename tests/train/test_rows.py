"""Networks that are trained row by row, against the same networks trained with whole gradients."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from deeplearn.errors import UserError
from deeplearn.nn.rows import Rows
from deeplearn.optim.rows import row_adagrad, row_descent
from deeplearn.train import Config, Experiment, Stage, Turn
from deeplearn.train.flags import parse
from deeplearn.train.parallel import Layout, local, make_layout
from deeplearn.train.rows import row_gradients, unmoved
from deeplearn.train.trainer import Trainer

from ..experiments.pretend import pretend

RATE = 0.3
START = nn.initializers.normal(1.0)


class Networks(nn.Module):
    def setup(self):
        self.inputs, self.outputs = Rows(40, 5, START), Rows(30, 5, START)
        self.dense = nn.Dense(3, bias_init=START)


def loss(model, batch):
    """Looks up two tables, one of them twice, with ids that come several times."""
    label = batch["label"]
    hidden = model.inputs(jnp.stack([label, label // 2, label * 0 + 7], 1)).mean(1)
    score = (hidden * model.outputs(label + 3)).sum(-1) + (hidden * model.outputs(label // 3)).sum(-1)
    return (jnp.tanh(score) ** 2 + (model.dense(hidden) ** 2).sum(-1)).mean(), {}


def whole_table(model, batch):
    return (model.inputs.table[batch["label"]] ** 2).mean(), {}


def trainer(rows, *flags, layout=None, turn=loss, looped=True):
    config = parse(Config, ("--steps=6", "--batch_size=8", *flags))
    tables = row_descent(optax.constant_schedule(RATE)) if rows else optax.sgd(RATE)
    chains = {"inputs": tables, "outputs": tables, "dense": optax.sgd(RATE)}
    names = ("inputs",) if turn is whole_table else tuple(chains)
    stage = Stage([Turn(turn, trains=names)], chains, config.steps)
    experiment = Experiment(model=Networks(), stages=[stage], data=pretend("digits"))
    return Trainer(experiment, config, layout or Layout(), looped=looped)


def trained(made, steps=6):
    states, step = [made.layout.place(one) for one in made.initial()], 0
    while step < steps:
        states, metrics, step = made.advance(states, step, steps)
    values = made.read(step, metrics)[1]
    return local(made.layout.canonical(states[0])), values


def check(a, b):
    for x, y in zip(jax.tree.leaves(a.params), jax.tree.leaves(b.params), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("flags", [(), ("--accumulate=2",), ("--replicas=2",)])
def test_rows_move_as_they_do_with_the_whole_gradient(flags):
    rows, values = trained(trainer(True, *flags))
    whole, expected = trained(trainer(False, *flags))
    check(rows, whole)
    start = local(trainer(True, *flags).initial()[0])
    assert np.abs(rows.params["inputs"]["rows"] - start.params["inputs"]["rows"]).max() > 0.01
    # Rows that nothing looked up have kept their bits.
    np.testing.assert_array_equal(
        rows.params["inputs"]["rows"][..., 20:, :], start.params["inputs"]["rows"][..., 20:, :]
    )
    assert values["loss"] == pytest.approx(expected["loss"], rel=1e-4)


@pytest.mark.parametrize(("mesh", "parallel"), [("data:4", "jit"), ("data:4", "pmap")])
def test_so_they_do_on_several_devices(mesh, parallel):
    one, _ = trained(trainer(False))
    many, _ = trained(trainer(True, layout=make_layout(mesh, parallel), looped=False))
    check(many, one)


def test_adagrad_is_that_of_gloves_program():
    """Its lines (glove.c): fdiff *= eta; temp = fdiff · W; W −= temp / √gradsq; gradsq += temp²."""
    table = np.arange(12.0).reshape(4, 3)
    optimizer = row_adagrad(0.05, examples=2)
    state, tables = optimizer.init({"w": jnp.asarray(table)}), {"w": jnp.asarray(table)}
    squares, rng = np.ones_like(table), np.random.default_rng(0)
    for _ in range(3):
        ids, gradient = np.array([2, 0]), rng.normal(size=(2, 3))
        changes, state = optimizer.update({"w": _some(ids, gradient / 2)}, state)
        tables = {"w": changes["w"].added_to(tables["w"])}
        temp = 0.05 * gradient
        table[ids] -= temp / np.sqrt(squares[ids])
        squares[ids] += temp**2
    np.testing.assert_allclose(tables["w"], table, rtol=1e-6)


def _some(ids, values):
    from deeplearn.optim.rows import Some

    return Some(jnp.asarray(ids), jnp.asarray(values))


def test_a_loss_that_uses_the_whole_table_is_refused():
    with pytest.raises(UserError, match="uses all rows of 'inputs'"):
        trained(trainer(True, turn=whole_table))


def test_what_is_not_looked_up_by_rows_is_refused():
    made = trainer(True)
    stage = dataclasses.replace(made.experiment.stages[0], optimizers=row_descent(optax.constant_schedule(RATE)))
    experiment = dataclasses.replace(made.experiment, stages=[stage])
    with pytest.raises(
        UserError, match=r"dense/(bias|kernel) is trained row by row, but the loss looks up no rows"
    ):
        trained(Trainer(experiment, made.config, Layout()))


def test_row_gradients_join_all_lookups_of_a_table():
    taken = {"net": {"ids": (jnp.array([[1, 2]]), jnp.array([3]))}}
    moves = {"net": {"0": jnp.ones((1, 2, 4)), "1": 2 * jnp.ones((1, 4))}}
    some = row_gradients(taken, moves, {"net": {"rows": jnp.zeros((5, 4))}}, [("net",)])["net"]["rows"]
    np.testing.assert_array_equal(some.ids, [1, 2, 3])
    np.testing.assert_array_equal(some.values[:, 0], [1, 1, 2])
    shapes = unmoved(lambda more: (None, {"moves": {"net": {"0": jnp.ones((2, 4))}}}))
    assert shapes["net"]["0"].shape == (2, 4) and not shapes["net"]["0"].any()
