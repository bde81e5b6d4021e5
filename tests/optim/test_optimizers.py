"""Update rules against torch over 100 steps (tests/golden/optimizers.py)."""

from pathlib import Path

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from deeplearn.errors import UserError
from deeplearn.optim.optimizers import OPTIMIZERS, optimizer

with np.load(Path(__file__).parents[1] / "golden" / "optimizers.npz") as file:
    GOLDEN = {name: file[name].astype(np.float64) for name in file.files}
RATES = {
    "sgd": 0.03,
    "momentum": 0.01,
    "nesterov": 0.01,
    "rmsprop": 0.01,
    "adam": 0.03,
    "adamw": 0.03,
    "adagrad": 0.2,
}
SETTINGS = {
    "plain": {},
    "l2": {"l2": 0.3},
    "clip": {"clip": 1.0},
    "decay": {"weight_decay": 0.3},
    "half": {"momentum": 0.5},
}
CASES = [name.removesuffix(" fixed") for name in GOLDEN if name.endswith(" fixed")]


def paths_of(chain):
    """The weights after 1, 2, 10 and 100 steps on the quadratic and with the fixed gradients, [2, 4, 15]."""

    def tree(flat):
        return {"layer": {"kernel": flat[:12].reshape(4, 3), "bias": flat[12:]}}

    def run(quadratic):
        def step(carry, fixed):
            weights, state = carry
            gradient = jnp.where(quadratic, GOLDEN["matrix"] @ weights - GOLDEN["target"], fixed)
            updates, state = chain.update(tree(gradient), state, tree(weights))
            moved = optax.apply_updates(tree(weights), updates)["layer"]
            weights = jnp.concatenate([moved["kernel"].ravel(), moved["bias"]])
            return (weights, state), weights

        start = jnp.asarray(GOLDEN["start"])
        return jax.lax.scan(step, (start, chain.init(tree(start))), GOLDEN["gradients"])[1]

    return np.asarray(jax.jit(jax.vmap(run))(np.array([True, False])))[:, [0, 1, 9, 99]]


def test_the_golden_file_has_every_optimizer():
    assert {case.split()[0] for case in CASES} == set(OPTIMIZERS)


@pytest.mark.parametrize("case", CASES)
def test_hundred_steps_are_torch_s(case):
    name, setting = case.split()
    expected = np.array([GOLDEN[f"{case} quadratic"], GOLDEN[f"{case} fixed"]])
    with jax.enable_x64(True):  # as torch ran: near its goal a clipped RMSProp blows rounding up
        found = paths_of(optimizer(name, RATES[name], **SETTINGS[setting]))
    # torch clips to a norm that is less by its 1e-6.
    np.testing.assert_allclose(found, expected, rtol=0, atol=5e-6 if setting == "clip" else 5e-7)
    assert np.abs(expected[:, -1] - GOLDEN["start"]).max() > 0.1


def test_a_weight_without_gradient_stays_where_it_is():
    for name in OPTIMIZERS:
        chain = optimizer(name, 0.1, weight_decay=0.0)
        weights = {"kernel": jnp.ones(2)}
        updates, _ = chain.update({"kernel": jnp.zeros(2)}, chain.init(weights), weights)
        np.testing.assert_array_equal(updates["kernel"], 0, err_msg=name)


class Schedules(chex.TestCase):
    @chex.variants(with_jit=True, without_jit=True)
    def test_a_schedule_gives_each_update_its_rate(self):
        chex.clear_trace_counter()
        chain = optimizer("sgd", lambda count: 0.1 * (count + 1))
        update = self.variant(chex.assert_max_traces(chain.update, n=1))
        state = chain.init(jnp.zeros(1))
        for expected in (-0.1, -0.2, -0.3):
            updates, state = update(jnp.ones(1), state)
            assert float(updates[0]) == pytest.approx(expected)


def test_an_unknown_optimizer_is_named():
    with pytest.raises(UserError, match="no optimizer 'adm': choose from sgd, momentum"):
        optimizer("adm", 0.1)
