"""Recurrent layers against torch's on the same weights; lengths, states, dropout, single steps, mixed precision."""

from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.nn.cells import GRUCell, LSTMCell, LSTMState, RNNCell
from deeplearn.nn.recurrent import Recurrent, _loop
from deeplearn.train.precision import mixed_precision
from tests.nn.layer_checks import normal

with np.load(Path(__file__).parents[1] / "golden" / "recurrent.npz") as file:
    GOLDEN = dict(file)
LENGTHS = GOLDEN["lengths"]
CELLS = {"RNN": RNNCell, "LSTM": LSTMCell, "GRU": GRUCell}
BLOCKS = {"RNN": [0], "LSTM": [1, 0, 2, 3], "GRU": [0, 1, 2]}  # where torch's rows have our columns


def blocks(case, weight):
    """torch's [gates·features, ...] -> [..., gates·features] in our order."""
    parts = np.split(np.asarray(weight), len(BLOCKS[case]))
    return np.concatenate([parts[k] for k in BLOCKS[case]]).T


def cell_params(case, weights, suffix):
    """Our parameters of one cell of torch's, whose two biases are one but for the GRU's candidate."""
    kernel, recurrent, bias, extra = (
        blocks(case, weights[f"{name}_{suffix}"]) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    params = {"recurrent_kernel": recurrent}
    if case == "GRU":
        gates, params["candidate_bias"] = np.split(extra, [len(extra) // 3 * 2])
        extra = np.concatenate([gates, np.zeros_like(params["candidate_bias"])])
    return params | {"input": {"kernel": kernel, "bias": bias + extra}}


def slopes_of_cell(case, weights, suffix):
    """torch's gradients as those of our parameters: a sum of biases has the gradient of either."""
    kernel, recurrent, bias, extra = (
        blocks(case, weights[f"d{name}_{suffix}"]) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    slopes = {"recurrent_kernel": recurrent, "input": {"kernel": kernel, "bias": bias}}
    return slopes | ({"candidate_bias": np.split(extra, 3)[2]} if case == "GRU" else {})


def both_directions(of_cell, case, weights):
    return {
        f"{name}_{layer}": of_cell(case, weights, f"l{layer}{end}")
        for layer in range(2)
        for name, end in (("forward", ""), ("backward", "_reverse"))
    }


def of_normalised(of_cell, weights, d=""):
    def within(part):
        return {
            key.replace(f"{part}.", ""): value
            for key, value in weights.items()
            if key.startswith((part, f"d{part}"))
        }

    cells = {f"forward_{i}": of_cell("LSTM", within(part), "l0") for i, part in enumerate(("first", "second"))}
    return cells | {"norm_0": {"scale": weights[f"{d}norm.weight"], "bias": weights[f"{d}norm.bias"]}}


def states_of(weights, h, c, directions):
    """torch's [layers·directions, batch, features] as ours."""
    states = list(weights[h]) if c not in weights else list(map(LSTMState, weights[c], weights[h]))
    return tuple(tuple(states[k : k + directions]) for k in range(0, len(states), directions))


def assert_close(found, expected):
    jax.tree.map(partial(np.testing.assert_allclose, rtol=2e-4, atol=2e-5), found, expected)


@pytest.mark.parametrize("case", [*CELLS, "norm"])
def test_torch_s_values_and_gradients_at_unequal_lengths(case):
    weights = {key.split("/")[1]: value for key, value in GOLDEN.items() if key.startswith(f"{case}/")}
    if case == "norm":
        module, directions = Recurrent(LSTMCell, 5, layers=2, layer_norm=True), 1
        params = of_normalised(cell_params, weights)
        slopes = of_normalised(slopes_of_cell, weights, "d")
    else:
        module, directions = Recurrent(CELLS[case], 5, layers=2, bidirectional=True), 2
        params = both_directions(cell_params, case, weights)
        slopes = both_directions(slopes_of_cell, case, weights)

    @jax.jit
    def run(params, x, states, cotangents):
        value, pull = jax.vjp(
            lambda *args: module.apply({"params": args[0]}, args[1], LENGTHS, args[2]), params, x, states
        )
        return value, pull(cotangents)

    value, found = run(
        params,
        weights["x"],
        states_of(weights, "h0", "c0", directions),
        (weights["gy"], states_of(weights, "gh", "gc", directions)),
    )
    assert_close(value, (weights["y"], states_of(weights, "h", "c", directions)))
    assert_close(found, (slopes, weights["dx"], states_of(weights, "dh0", "dc0", directions)))


def random_params(module, *args):
    shapes = jax.eval_shape(module.init, jax.random.key(0), *args)["params"]
    generator = np.random.default_rng(3)
    return jax.tree.map(lambda leaf: generator.normal(size=leaf.shape).astype(np.float32), shapes)


@pytest.mark.parametrize("kind", CELLS.values())
def test_the_loop_is_the_cell_step_by_step(kind):
    module, cell, x = Recurrent(kind, 5), kind(5), normal(0, 4, 3, 2)
    params = random_params(module, x)
    outputs, ((end,),) = module.apply({"params": params}, x)
    state = cell.start(4)
    for t in range(3):
        state, h = cell.apply({"params": params["forward_0"]}, state, x[:, t])
        np.testing.assert_allclose(h, outputs[:, t], rtol=1e-4, atol=1e-5)
    assert_close(state, end)


@pytest.mark.parametrize("kind, reverse", [(RNNCell, False), (LSTMCell, True), (GRUCell, False)])
def test_gradients_of_the_loop_are_those_of_a_scan_that_jax_differentiates(kind, reverse):
    """Of all that goes in, from the last state and the outputs, with padding; and second derivatives."""
    gates, features = kind.gates, 3
    z, kernel = normal(0, 5, 2, gates * features), normal(1, features, gates * features)
    state = jax.tree.map(lambda x: normal(2, *x.shape), kind(features, parent=None).start(2))
    beside = normal(3, 5, 2, features) if kind is GRUCell else None
    inside = (jnp.arange(5)[:, None] < jnp.array([5, 3]))[..., None]

    def plain(kernel, state, inputs):
        def body(state, at):
            (added, beside), here = at
            new = kind.update(state, added + kind.hidden(state) @ kernel, beside)[0]
            new = jax.tree.map(lambda new, old: jnp.where(here, new, old), new, state)
            return new, kind.hidden(new)

        return jax.lax.scan(body, state, (inputs, inside), reverse=reverse)

    def number(loop):
        def of(*arrays):
            last, outputs = loop(*arrays)
            return sum(jnp.sin(x).sum() for x in jax.tree.leaves((last, outputs * inside)))

        return of

    def ours(kernel, state, inputs):
        return _loop(kind, kernel, state, inputs, inside, reverse)

    def slope(loop):
        def of(*arrays):
            found = jax.grad(number(loop), (0, 1, 2))(*arrays)
            return sum(jnp.square(x).sum() for x in jax.tree.leaves(found))

        return of

    arrays = kernel, state, (z, beside)
    for function in (number, slope):
        found, wanted = (jax.jit(jax.grad(function(loop), (0, 1, 2)))(*arrays) for loop in (ours, plain))
        assert jax.tree.structure(found) == jax.tree.structure(wanted)
        for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)


def test_what_is_beyond_the_end_does_not_matter_and_outputs_there_are_zero():
    module, x = Recurrent(GRUCell, 5, layers=2, bidirectional=True, layer_norm=True), normal(0, 4, 6, 3)
    params = random_params(module, x)
    beyond = np.arange(6)[None, :, None] >= LENGTHS[:, None, None]
    run = jax.jit(lambda x: module.apply({"params": params}, x, LENGTHS))
    one, other = run(x), run(np.where(beyond, 7, x))
    jax.tree.map(np.testing.assert_array_equal, one, other)
    assert not np.where(beyond, one[0], 0).any() and np.abs(one[0]).max() > 0.1


def test_an_empty_sequence_keeps_its_state_and_a_sequence_goes_on_from_one():
    module, x = Recurrent(LSTMCell, 5, layers=2), normal(0, 4, 6, 3)
    params = random_params(module, x)
    run = jax.jit(lambda x, lengths, states: module.apply({"params": params}, x, lengths, states))
    whole, end = run(x, None, None)
    first, middle = run(x[:, :4], None, None)
    second, last = run(x[:, 4:], None, middle)
    assert_close((np.concatenate([first, second], 1), last), (whole, end))
    outputs, same = run(x, np.zeros(4, np.int32), middle)
    assert not outputs.any()
    jax.tree.map(np.testing.assert_array_equal, same, middle)


@pytest.mark.parametrize("same_mask", [False, True])
def test_dropout_lies_between_layers_alone(same_mask):
    """Seen through a second layer that is open: its output is tanh of what has come through the mask."""
    x = np.ones((8, 50, 3), np.float32)
    module = Recurrent(RNNCell, 16, layers=2, dropout=0.25, same_mask=same_mask)
    params = jax.tree.map(np.zeros_like, random_params(module, x))
    params["forward_0"]["input"]["bias"] += np.float32(0.5)
    params["forward_1"]["input"]["kernel"] += np.eye(16, dtype=np.float32)
    for train in (False, True):
        outputs, _ = module.apply({"params": params}, x, train=train, rngs={"dropout": jax.random.key(0)})
        through = np.arctanh(outputs) / np.tanh(0.5)
        np.testing.assert_allclose(through, np.where(through > 0.1, 4 / 3 if train else 1, 0), atol=1e-5)
        assert abs((through == 0).mean() - (0.25 if train else 0)) < 0.08
        assert (through == through[:, :1]).all() == (same_mask or not train)


@pytest.mark.parametrize("forget_bias", [0.0, 1.0])
def test_a_new_lstm(forget_bias):
    """The forget gate's bias, orthogonal recurrent matrices, and nothing else at first."""
    module = Recurrent(partial(LSTMCell, forget_bias=forget_bias), 4)
    params = module.init(jax.random.key(0), np.ones((1, 2, 3)))["params"]["forward_0"]
    np.testing.assert_array_equal(params["input"]["bias"], [forget_bias] * 4 + [0] * 12)
    for gate in np.split(params["recurrent_kernel"], 4, axis=1):
        np.testing.assert_allclose(gate @ gate.T, np.eye(4), atol=1e-5)


@pytest.mark.parametrize("kind", CELLS.values())
def test_mixed_precision_keeps_states_in_float32(kind):
    module, x = Recurrent(kind, 5), normal(0, 4, 6, 3)
    params = random_params(module, x)

    def loss(params, x):
        outputs, states = module.apply({"params": params}, x)
        return outputs.astype(jnp.float32).sum(), (outputs, states)

    expected = module.apply({"params": params}, x)
    with mixed_precision("bfloat16"):
        slopes, (outputs, states) = jax.jit(jax.grad(loss, has_aux=True))(params, x)
    assert outputs.dtype == jnp.bfloat16 and {leaf.dtype for leaf in jax.tree.leaves(states)} == {jnp.dtype("f4")}
    assert {leaf.dtype for leaf in jax.tree.leaves(slopes)} == {jnp.dtype("f4")}
    np.testing.assert_allclose(outputs, expected[0], atol=0.1)


def test_wrong_shapes_are_named():
    x = np.ones((4, 6, 3), np.float32)
    module = Recurrent(LSTMCell, 5)
    init = partial(jax.eval_shape, module.init, jax.random.key(0))
    with pytest.raises(AssertionError, match="x has shape"):
        init(x[0])
    with pytest.raises(AssertionError, match="lengths has shape"):
        init(x, LENGTHS[:3])
    with pytest.raises(AssertionError, match="lengths is of type float32, not of integers"):
        init(x, LENGTHS.astype(np.float32))
    with pytest.raises(AssertionError, match="state has shape"):
        init(x, LENGTHS, ((LSTMCell(4).start(4),),))
