"""One turn against the same thing written bare, and the loop of steps against single steps."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from deeplearn.errors import UserError
from deeplearn.train.experiment import Turn
from deeplearn.train.flags import parse
from deeplearn.train.parallel import Layout, local, make_layout
from deeplearn.train.step import turn_update
from deeplearn.train.tracing import traced
from deeplearn.train.trainer import Trainer

from ..experiments.pretend import pretend
from . import toy


def trainer(*flags, layout=None, looped=None):
    config = parse(toy.Config, flags)
    return Trainer(toy.build(config, pretend("digits")), config, layout or Layout(), looped=looped)


def pause(step):
    """As a run that logs every five steps."""
    return (step // 5 + 1) * 5


def train(trainer, steps):
    """(canonical states, placed states, [(step, values)]) after `steps` steps."""
    states, step, lines = [trainer.layout.place(s) for s in trainer.initial()], 0, []
    while step < steps:
        states, metrics, step = trainer.advance(states, step, pause(step))
        lines.append((step, trainer.read(step, metrics)[1]))
        if step in trainer.ends and step < trainer.experiment.steps:
            states = trainer.enter(step, states)
    return [local(trainer.layout.canonical(s)) for s in states], lines


def close(a, b, **tolerance):
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_allclose(x, y, **tolerance)


def test_steps_equal_the_same_training_written_bare():
    """Gradients with respect to the trained networks, optax applied by hand, EMA by its formula."""
    made = trainer("--nonoisy", "--steps=4", looped=False)
    states, _ = train(made, 3)
    stage = made.experiment.stages[0]
    model = made.experiment.model
    start = local(made.initial()[0])
    params, ema = start.params, {k: start.params[k] for k in ("first", "second", "third")}
    adam = optax.adam(1e-2)
    opt = {name: adam.init(params[name]) for name in params}
    stream = made.feed.streams[0][0]
    for step, slot in itertools.product(range(3), range(3)):
        if slot == 2 and (step + 1) % 3:
            continue
        turn = stage.turns[0] if slot < 2 else stage.turns[1]
        batch = {**stream.batch(3 * step + slot), "step": step}

        def loss(trained, frozen=params, batch=batch, turn=turn):
            return model.apply({"params": {**frozen, **trained}}, batch, method=turn.loss)[0]

        grads = jax.grad(loss)({name: params[name] for name in turn.trains})
        params = dict(params)
        for name in turn.trains:
            updates, opt[name] = adam.update(grads[name], opt[name], params[name])
            params[name] = optax.apply_updates(params[name], updates)
            decay = min(0.9, (1 + step) / (10 + step))
            ema[name] = jax.tree.map(lambda a, p, d=decay: d * a + (1 - d) * p, ema[name], params[name])
    # At step 3 the late stage has begun, from the averaged weights.
    close(states[0].params, ema, rtol=1e-4, atol=1e-6)


def test_a_loop_of_steps_takes_the_same_steps():
    dense, single = (train(trainer("--steps=12", looped=looped), 12) for looped in (True, False))
    close(dense[0], single[0], rtol=1e-5, atol=1e-6)
    lines = dict(single[1])
    for step, values in dense[1]:
        assert set(values) == set(lines[step])
        for name, value in values.items():
            np.testing.assert_allclose(value, lines[step][name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("looped", [True, False])
def test_replicas_are_runs_of_their_own_seeds(looped):
    together, _ = train(trainer("--replicas=3", "--seed=5", looped=looped), 6)
    for replica in range(3):
        alone, _ = train(trainer(f"--seed={5 + replica}", looped=looped), 6)
        mine = jax.tree.map(lambda x, r=replica: x[r], together[0]) if looped else together[replica]
        close(mine, alone[0], rtol=1e-4, atol=1e-5)


# Each mesh with one replica and several, in a loop and not: not all twelve, which take minutes.
@pytest.mark.parametrize(
    ("mesh", "parallel", "flags", "replicas", "looped"),
    [
        ("data:4", "jit", ("--norm",), 2, True),
        ("data:4", "jit", ("--norm",), 1, False),
        ("data:2,model:2", "jit", ("--norm",), 1, True),
        ("data:2,model:2", "jit", ("--norm",), 2, False),
        ("data:4", "pmap", ("--norm", "--nonoisy"), 2, True),
        ("data:4", "pmap", ("--norm", "--nonoisy"), 1, False),
    ],
)
def test_meshes_give_the_same_result(mesh, parallel, flags, replicas, looped):
    """Batch norm included; under pmap only where the losses draw nothing."""
    flags = (*flags, f"--replicas={replicas}", "--steps=6")
    one, lines = train(trainer(*flags, looped=looped), 6)
    many, many_lines = train(trainer(*flags, looped=looped, layout=make_layout(mesh, parallel)), 6)
    close(many, one, rtol=1e-3, atol=1e-4)
    for (step, values), (other, others) in zip(lines, many_lines, strict=True):
        assert step == other
        for name in values:
            np.testing.assert_allclose(others[name], values[name], rtol=1e-3, atol=1e-4)


def test_pmap_draws_different_noise_on_each_device():
    one, _ = train(trainer("--steps=6"), 2)
    many, _ = train(trainer("--steps=6", layout=make_layout("data:4", "pmap")), 2)
    assert not np.allclose(one[0].params["first"]["kernel"], many[0].params["first"]["kernel"], atol=1e-6)


@pytest.mark.parametrize("looped", [True, False])
def test_accumulated_gradients_equal_the_whole_batch_s(looped):
    whole, _ = train(trainer("--nonoisy", looped=looped), 4)
    parts, _ = train(trainer("--nonoisy", "--accumulate=4", looped=looped), 4)
    close(parts, whole, rtol=1e-4, atol=1e-5)


def test_bfloat16_computes_coarsely_and_keeps_float32_weights():
    exact, _ = train(trainer("--nonoisy"), 3)
    coarse, _ = train(trainer("--nonoisy", "--precision=bfloat16"), 3)
    kernels = [states[0].params["first"]["kernel"] for states in (exact, coarse)]
    assert kernels[1].dtype == np.float32
    difference = np.abs(kernels[0] - kernels[1]).max()
    assert 1e-5 < difference < 3e-2


def test_each_turn_draws_its_own_noise_and_batch():
    made = trainer(looped=False)
    seen = []

    class Spy:
        def __init__(self, stream):
            self.stream = stream

        def batch(self, index, beside):
            seen.append(index)
            return self.stream.batch(index, beside)

    made.feed.streams = [[Spy(stream) for stream in row] for row in made.feed.streams]
    states, step = made.initial(), 0
    while step < 4:
        states, _, step = made.advance(states, step, pause(step))
    # Two slots of the first turn, one of the second in every third step; skipped slots stay unused.
    assert seen == [0, 1, 3, 4, 6, 7, 8, 9, 10]


@pytest.mark.parametrize("looped", [True, False])
@pytest.mark.parametrize("replicas", [1, 2])
def test_the_first_infinite_metric_is_named(looped, replicas):
    made = trainer("--explode=4", f"--replicas={replicas}", looped=looped)
    states, step = made.initial(), 0
    with pytest.raises(UserError, match="trouble of the turn fit is not finite at step 5"):
        while step < 12:
            states, metrics, step = made.advance(states, step, pause(step))
            if step >= 8:
                made.read(step, metrics)
    with pytest.raises(UserError, match="at step 5"):
        made.check(states)


def test_a_turn_is_handed_the_networks_that_it_touches():
    made = trainer("--norm", "--nonoisy", looped=False)
    model, example = made.experiment.model, made.feed.examples[0]
    fit, judge = made.experiment.stages[0].turns

    def touched(turn):
        paths = traced(model, turn, made.abstract_one, example, made.paths).paths
        return {"/".join(path) for path in paths}

    assert touched(fit) == {"first", "second", "statistics"}
    assert touched(judge) == {"first", "third", "statistics"}  # its features are another turn's

    def judge_without_features(model, batch):
        return (model.third(jnp.tanh(batch["image"].reshape(len(batch["image"]), -1)[:, :8])) ** 2).mean(), {}

    assert touched(Turn(judge_without_features, ("third",))) == {"third"}
    assert touched(Turn(judge_without_features)) == {"first", "second", "third"}  # it trains them all

    def judge_and_show(model, batch):
        return judge_without_features(model, batch)[0], {"bias": model.variables["params"]["second"]["bias"].sum()}

    assert touched(Turn(judge_and_show, ("third",))) == {"second", "third"}

    def judge_and_look(model, batch):
        model.second(jnp.zeros((1, 8)))
        return judge_without_features(model, batch)

    # What is called and not used must be there all the same: then it is handed everything.
    assert {"second", "third"} <= touched(Turn(judge_and_look, ("third",)))

    def judge_and_reset(model, batch):
        norm = model.variables["batch_stats"]["statistics"]
        model.scope.put_variable("batch_stats", "statistics", jax.tree.map(jnp.zeros_like, norm))  # shapes only
        return judge_without_features(model, batch)

    assert touched(Turn(judge_and_reset, ("third",))) == {"third", "statistics"}


@pytest.mark.parametrize(
    ("late", "expected"),
    [
        ({"second"}, {(("fit",), ()), (("judge",), ()), ((), ("fit",))}),
        ({"first", "second"}, {(("fit",), ("fit",)), (("judge",), ())}),
        ({"first", "third"}, {(("fit", "judge"), ("fit",))}),  # the last turn joins what the first two left apart
    ],
)
def test_the_experiment_is_cut_where_no_turn_joins_networks(late, expected):
    made = trainer()
    made.touched = [[frozenset({("first",)}), frozenset({("third",)})], [frozenset((name,) for name in late)]]
    pieces = [[tuple(turn.name for turn in stage.turns) for stage in e.stages] for e in made.separate()]
    assert len(pieces) == len(expected) and {tuple(piece) for piece in pieces} == expected


@pytest.mark.parametrize(
    ("looped", "texts"),
    [
        (False, ["compiling fit (1 of 2) ...", "compiling judge (2 of 2) ...", "compiling fit (1 of 1) ..."]),
        (True, ["compiling the steps of early (1 of 1) ...", "compiling the steps of late (1 of 1) ..."]),
    ],
)
def test_each_program_is_announced_before_it_is_compiled(looped, texts):
    made = trainer("--steps=6", "--replicas=2", looped=looped)
    said = []
    made.say = made.programs.say = said.append
    train(made, 6)
    assert said == ["compiling the initialisation ...", *texts]


def test_a_turn_leaves_alone_what_it_does_not_touch():
    made = trainer("--norm", "--nonoisy", looped=False)
    before = local(made.initial()[0])
    judge = made.programs.of(0, made.initial()[0])[1]
    after, _ = judge(made.initial()[0], made.feed.streams[0][0].batch(0), np.array([0, 0], np.int32))
    assert jax.tree.structure(after) == jax.tree.structure(before)
    for network in ("first", "second"):
        jax.tree.map(np.testing.assert_array_equal, local(after.params[network]), before.params[network])
    untouched = "first+second"
    jax.tree.map(np.testing.assert_array_equal, local(after.opt_states[untouched]), before.opt_states[untouched])
    whole = turn_update(made.experiment.model, made.experiment.stages[0], 1, made.groups[0])
    expected, _ = whole(before, made.feed.streams[0][0].batch(0), np.array([0, 0], np.int32))
    close(local(after), local(expected), rtol=1e-5, atol=1e-7)


def test_a_model_axis_splits_parameters():
    made = trainer(layout=make_layout("data:2,model:2", "jit"))
    kernel = made.initial()[0].params["first"]["kernel"]
    assert kernel.shape == (64, 8) and kernel.addressable_shards[0].data.shape == (32, 8)
    replicated = trainer(layout=make_layout("data:4", "jit")).initial()[0].params["first"]["kernel"]
    assert replicated.addressable_shards[0].data.shape == (64, 8)


@pytest.mark.parametrize(
    ("flags", "mesh", "sentence"),
    [
        (("--batch_size=18",), "data:4", "a batch of 18 cannot be cut into 4 device part(s)"),
        (("--batch_size=18", "--accumulate=4"), "", "choose a --batch_size that 4 divides"),
        (("--batch_size=257",), "", "257"),
    ],
)
def test_batches_that_do_not_fit(flags, mesh, sentence):
    with pytest.raises(UserError) as caught:
        trainer(*flags, layout=make_layout(mesh, "jit"))
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("mesh", "parallel", "sentence"),
    [
        ("data:8", "jit", "needs 8 devices, but there are 4"),
        ("data=8", "jit", "not of the form"),
        ("rows:2", "jit", "not of the form"),
        ("data:0", "jit", "not of the form"),
        ("data:2,model:2", "pmap", "leave model out"),
    ],
)
def test_meshes_that_cannot_be(mesh, parallel, sentence):
    with pytest.raises(UserError, match=sentence):
        make_layout(mesh, parallel)


def test_dtype_of_state_is_stable():
    state = trainer().initial()[0]
    assert state.key.dtype == jnp.uint32 and state.step.dtype == jnp.int32
