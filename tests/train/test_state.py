"""The state of a run: how a stage begins, and how parameters are told apart."""

import dataclasses
from collections import OrderedDict
from types import SimpleNamespace

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from deeplearn.nn.batch_norm import BatchNorm
from deeplearn.train.experiment import Stage, Turn
from deeplearn.train.state import State, begin, digest, initialise, networks


def tree():
    ones, zero = np.ones(2, np.float32), np.zeros((), np.float32)
    return {"b": {"kernel": np.arange(6, dtype=np.float32).reshape(2, 3)}, "a": [ones, zero]}


def test_the_digest_does_not_depend_on_the_order_of_keys():
    for kind in (dict, OrderedDict):  # the second keeps its order when JAX flattens it
        one, other = (kind((name, tree()[name]) for name in names) for names in ("ab", "ba"))
        assert digest(one) == digest(other) == digest(tree())
    assert digest(jax.tree.map(jnp.asarray, tree())) == digest(tree())


def with_change(change):
    changed = tree()
    change(changed)
    return changed


@pytest.mark.parametrize(
    "other",
    [
        with_change(lambda t: t["b"]["kernel"].__setitem__((0, 0), 1e-30)),
        with_change(lambda t: t["a"][1].__setitem__((), -0.0)),
        with_change(lambda t: t.update(b={"kernel": t["b"]["kernel"].reshape(3, 2)})),
        with_change(lambda t: t.update(b={"kernel": t["b"]["kernel"][::-1]})),
        with_change(lambda t: t.update(c=t.pop("b"))),
        with_change(lambda t: t["b"].update(weight=t["b"].pop("kernel"))),
        with_change(lambda t: t["a"].reverse()),
        with_change(lambda t: t["a"].pop()),
        with_change(lambda t: t.update(a=[t["a"][0].view(np.int32), t["a"][1]])),
        with_change(lambda t: t.update(extra=np.zeros(0, np.float32))),
    ],
    ids=["value", "sign of zero", "shape", "order of values", "network", "leaf", "order", "fewer", "dtype", "more"],
)
def test_the_digest_sees_every_change(other):
    assert digest(other) != digest(tree())


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "int8", "bool"])
def test_the_digest_takes_every_type(dtype):
    cast = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), tree())
    assert digest(cast) == digest(jax.tree.map(np.asarray, cast)) != digest(tree())


def loss(model, batch):
    return jnp.zeros(()), {}


def state_of(**params):
    leaves = {name: {"kernel": jnp.full(2, float(value))} for name, value in params.items()}
    return State(jnp.int32(7), jnp.zeros(2, jnp.uint32), leaves, {"batch_stats": {}}, {}, {}, jnp.full(3, -1))


def values(named):
    return {name: float(leaf["kernel"][0]) for name, leaf in named.items()}


def test_a_stage_begins_with_the_averaged_weights_of_the_one_before():
    before = dataclasses.replace(state_of(one=1, two=2), ema=state_of(two=20).params)
    after = begin(Stage([Turn(loss, ("one", "two"))], optax.adam(1e-3), 5, ema=0.9), before)
    assert values(after.params) == {"one": 1, "two": 20}
    assert values(after.ema) == {"one": 1, "two": 20}  # young averages start at the weights
    assert int(after.step) == 7
    for kernel, average in zip(jax.tree.leaves(after.params), jax.tree.leaves(after.ema), strict=True):
        assert kernel.unsafe_buffer_pointer() != average.unsafe_buffer_pointer()  # both may be donated


def test_a_stage_without_averages_keeps_none():
    before = dataclasses.replace(state_of(one=1, two=2), ema=state_of(two=20).params)
    after = begin(Stage([Turn(loss, ("one",))], optax.adam(1e-3), 5), before)
    assert after.ema == {} and values(after.params) == {"one": 1, "two": 20}
    assert values(after.weights["params"]) == {"one": 1, "two": 20}


def test_optimisers_start_afresh_for_what_trains():
    used = dataclasses.replace(state_of(one=1, two=2, three=3), opt_states={"one": "used", "three": "used"})
    adam, sgd = optax.adam(1e-3), optax.sgd(0.1, momentum=0.9)
    turns = [Turn(loss, ("two",)), Turn(loss, ("one",), called="other")]
    after = begin(Stage(turns, {"one": adam, "two": sgd}, 5), used)
    assert jax.tree.structure(after.opt_states) == jax.tree.structure(
        {"one": adam.init(used.params["one"]), "two": sgd.init(used.params["two"])}
    )
    assert not any(leaf.any() for leaf in jax.tree.leaves(after.opt_states))


def test_evaluation_prefers_averaged_weights():
    state = dataclasses.replace(state_of(one=1, two=2), ema=state_of(two=20).params)
    assert values(state.weights["params"]) == {"one": 1, "two": 20}
    assert set(state.weights) == {"params", "batch_stats"}


def test_networks_are_those_of_any_turn_in_the_parameters_order():
    params = {"encoder": 0, "decoder": 0, "critic": 0}
    turns = [Turn(loss, ("critic",)), Turn(loss, ("encoder",), called="other")]
    assert networks(Stage(turns, optax.sgd(1), 1), params) == ("encoder", "critic")
    assert networks(Stage([Turn(loss)], optax.sgd(1), 1), params) == ("encoder", "decoder", "critic")
    with pytest.raises(
        ValueError, match="stage 'late' trains crtic, but the model's networks are encoder, decoder"
    ):
        networks(Stage([Turn(loss, ("crtic",))], optax.sgd(1), 1, name="late"), params)
    with pytest.raises(ValueError, match="stage 'late' trains 'critic' but gives it no optimizer"):
        Stage([], {"encoder": optax.sgd(1)}, 1, name="late").optimizer("critic")


class Pair(nn.Module):
    def setup(self):
        self.first, self.second, self.idle = nn.Dense(2), nn.Dense(3), nn.Dense(4)
        self.norm = BatchNorm()


def early(model, batch):
    return model.norm(model.first(batch["x"]), True).sum() + batch["step"], {}


def late(model, batch):
    return model.second(batch["x"]).sum() + 0 * jax.random.normal(model.make_rng("noise")), {}


def test_every_network_that_some_loss_calls_is_initialised():
    """Each stage with its own example batch; what is called by none has no parameters."""
    stages = [Stage([Turn(early, ("first",))], optax.sgd(1), 2), Stage([Turn(late, ("second",))], optax.sgd(1), 2)]
    batches = [{"x": np.zeros((2, 5), np.float32)}, {"x": np.zeros((4, 6), np.float32)}]
    experiment = SimpleNamespace(model=Pair(), stages=stages)
    key = jax.random.key(3)
    state = jax.jit(lambda key: initialise(experiment, key, batches))(key)
    shapes = {name: leaf["kernel"].shape for name, leaf in state.params.items() if name != "norm"}
    assert shapes == {"first": (5, 2), "second": (6, 3)}
    assert set(state.collections) == {"batch_stats"} and set(state.opt_states) == {"first"}
    np.testing.assert_array_equal(state.key, jax.random.key_data(key))
    assert int(state.step) == 0 and state.fault.tolist() == [-1, -1, -1]
    stages[1] = Stage([Turn(late, ("secnd",))], optax.sgd(1), 2, name="late")
    with pytest.raises(ValueError, match="trains secnd"):
        jax.eval_shape(lambda key: initialise(experiment, key, batches), key)
