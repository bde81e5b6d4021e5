"""The state of a run: how a stage begins, and how parameters are distinguished."""

import dataclasses
from collections import OrderedDict
from types import SimpleNamespace

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from deeplearn.errors import UserError
from deeplearn.nn.batch_norm import BatchNorm
from deeplearn.train.experiment import Stage, Turn
from deeplearn.train.state import State, begin, digest, groups, initialise


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


def test_optimisers_start_anew_for_what_trains():
    used = dataclasses.replace(state_of(one=1, two=2, three=3), opt_states={"one": "used", "three": "used"})
    adam, sgd = optax.adam(1e-3), optax.sgd(0.1, momentum=0.9)
    turns = [Turn(loss, ("two",)), Turn(loss, ("one",), called="other")]
    after = begin(Stage(turns, {"one": adam, "two": sgd}, 5), used)
    assert jax.tree.structure(after.opt_states) == jax.tree.structure(
        {name: chain.init({name: used.params[name]}) for name, chain in (("one", adam), ("two", sgd))}
    )
    assert not any(leaf.any() for leaf in jax.tree.leaves(after.opt_states))


def test_evaluation_prefers_averaged_weights():
    state = dataclasses.replace(state_of(one=1, two=2), ema=state_of(two=20).params)
    assert values(state.weights["params"]) == {"one": 1, "two": 20}
    assert set(state.weights) == {"params", "batch_stats"}


PARAMS = {"encoder": 0, "decoder": 0, "gan": {"critic": 0, "generator": 0, "prior": 0}}
CRITIC, GENERATOR, PRIOR = (("gan", name) for name in ("critic", "generator", "prior"))


def grouped(*turns, chain=None):
    chain = chain or optax.sgd(1)
    turns = [Turn(loss, trains, called=str(number)) for number, trains in enumerate(turns)]
    return [(group.name, group.paths) for group in groups(Stage(turns, chain, 1), PARAMS)]


def test_what_always_trains_together_is_one_group():
    assert grouped(("gan/critic",), ("encoder",)) == [("encoder", (("encoder",),)), ("gan:critic", (CRITIC,))]
    assert grouped(("gan/critic",), ("gan/generator", "gan/prior")) == [
        ("gan:critic", (CRITIC,)),
        ("gan:generator+gan:prior", (GENERATOR, PRIOR)),
    ]
    assert grouped(()) == [("model", ((),))]
    # A turn that trains all of a system beside one that trains a part of it: the part has a state of its own.
    assert grouped(("gan",), ("gan/critic",)) == [
        ("gan:critic", (CRITIC,)),
        ("gan:generator+gan:prior", (GENERATOR, PRIOR)),
    ]


def test_groups_have_the_same_names_in_whatever_order_the_networks_were_made():
    stage = Stage([Turn(loss, ("one", "two"))], optax.sgd(1), 1)
    one, other = state_of(one=1, two=2).params, state_of(two=2, one=1).params
    assert groups(stage, one)[0].name == groups(stage, other)[0].name == "one+two"


def test_chains_of_their_own_are_states_of_their_own():
    chains = {"encoder": optax.sgd(1), "decoder": optax.sgd(2)}
    found = grouped(("encoder", "decoder"), chain=chains)
    assert [name for name, _ in found] == ["decoder", "encoder"]


def test_misnamed_networks_and_missing_chains_are_reported():
    with pytest.raises(UserError, match="'late' trains crtic, but the model's networks are encoder, decoder"):
        groups(Stage([Turn(loss, ("crtic",))], optax.sgd(1), 1, name="late"), PARAMS)
    with pytest.raises(UserError, match="stage 'late' trains 'critic' but gives it no optimizer"):
        Stage([], {"encoder": optax.sgd(1)}, 1, name="late").optimizer(("critic",))


def test_the_global_norm_is_over_what_a_turn_trains():
    """Clipping sees the gradients of generator and prior together, as one state has them."""
    chain = optax.clip_by_global_norm(1.0)
    stage = Stage([Turn(loss, ("one", "two"))], chain, 1)
    (group,) = groups(stage, state_of(one=1, two=2).params)
    gradients = {"one": {"kernel": jnp.array([3.0, 0.0])}, "two": {"kernel": jnp.array([0.0, 4.0])}}
    updates, _ = group.optimizer.update(gradients, group.optimizer.init(gradients))
    np.testing.assert_allclose(updates["one"]["kernel"], [0.6, 0.0], rtol=1e-6)
    np.testing.assert_allclose(updates["two"]["kernel"], [0.0, 0.8], rtol=1e-6)


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
    with pytest.raises(UserError, match="trains secnd"):
        jax.eval_shape(lambda key: initialise(experiment, key, batches), key)
