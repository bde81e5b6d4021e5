"""A masked loss is one number, however the batch is cut: accumulation, pmap, meshes, blocks of evaluation."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from deeplearn.data import Arrays, Dataset
from deeplearn.mean import Mean
from deeplearn.train import Config, Experiment, Stage, Turn
from deeplearn.train.parallel import Layout, local, make_layout
from deeplearn.train.trainer import Trainer

RNG = np.random.default_rng(0)
X = RNG.normal(size=(48, 5)).astype(np.float32)
Y = RNG.normal(size=(48, 7)).astype(np.float32)
# Rows differ much in how many entries count; some have none.
MASK = (RNG.uniform(size=(48, 7)) < np.linspace(0, 0.9, 48)[RNG.permutation(48), None]).astype(np.float32)
SPLIT = Arrays({"x": X, "y": Y, "mask": MASK})
DATA = Dataset("toy", SPLIT, SPLIT, SPLIT)


def masked(model, batch):
    error = model(batch["x"]) - batch["y"]
    absolute = Mean.of(jnp.abs(error), batch["mask"])
    return Mean.of(error**2, batch["mask"]), {"absolute": absolute, "rows": (error**2).mean()}


def validate(model, batch):
    loss, metrics = masked(model, batch)
    return {"loss": loss, **metrics}


def trained(layout=None, looped=True, accumulate=1, replicas=1):
    experiment = Experiment(nn.Dense(7), [Stage([Turn(masked)], optax.adam(0.05), 4)], DATA, validate=validate)
    config = Config(batch_size=16, accumulate=accumulate, replicas=replicas)
    trainer = Trainer(experiment, config, layout or Layout(), looped=looped)
    states, step = [trainer.layout.place(state) for state in trainer.initial()], 0
    while step < 4:
        states, metrics, step = trainer.advance(states, step, 4)
    canonical = [trainer.layout.canonical(state) for state in states]
    return local(canonical[0].params), trainer.read(4, metrics)[1], trainer.validate(canonical)


@pytest.mark.parametrize(
    ("cut", "looped"),
    [
        ({"accumulate": 4}, True),
        ({"accumulate": 4}, False),
        ({"layout": ("data:4", "pmap")}, True),
        ({"layout": ("data:4", "pmap"), "accumulate": 2}, False),
        ({"layout": ("data:4", "jit")}, False),
        ({"layout": ("data:2,model:2", "jit"), "accumulate": 2}, True),
    ],
    ids=str,
)
def test_training_does_not_depend_on_how_batches_are_cut(cut, looped):
    layout = make_layout(*cut["layout"]) if "layout" in cut else None
    whole, cut_up = trained(looped=looped), trained(layout, looped, cut.get("accumulate", 1))
    for one, other in zip(jax.tree.leaves(whole), jax.tree.leaves(cut_up), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-6)


def test_the_gradient_is_that_of_the_mean_over_what_counts():
    """Against the formula written out: one step of plain descent."""
    experiment = Experiment(nn.Dense(7), [Stage([Turn(masked)], optax.sgd(0.1), 1)], DATA)
    trainer = Trainer(experiment, Config(batch_size=16, accumulate=4), Layout())
    (state,) = trainer.initial()
    before = local(state).params
    batch = trainer.feed.streams[0][0].batch(0)

    def mean(params):
        error = (batch["x"] @ params["kernel"] + params["bias"] - batch["y"]) ** 2
        return (batch["mask"] * error).sum() / batch["mask"].sum()

    (state,), metrics, _ = trainer.advance([state], 0, 1)
    value, gradient = jax.value_and_grad(mean)(before)
    after = local(state).params
    for name in ("kernel", "bias"):
        np.testing.assert_allclose(after[name], before[name] - 0.1 * gradient[name], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(trainer.read(1, metrics)[1]["loss"], [value], rtol=1e-5)


@pytest.mark.parametrize("size", [1, 7, 16, 48, 500])
def test_evaluation_does_not_depend_on_its_blocks(size):
    experiment = Experiment(nn.Dense(7), [Stage([Turn(masked)], optax.adam(0.05), 4)], DATA, validate=validate)
    trainer = Trainer(experiment, Config(batch_size=16), Layout())
    model = trainer.trained(trainer.initial())[0]
    found = model.mean(validate, SPLIT.arrays(), size=size)
    params = jax.tree.map(np.asarray, model.variables["params"])
    error = (X @ params["kernel"] + params["bias"] - Y) ** 2
    expected = {
        "loss": (MASK * error).sum() / MASK.sum(),
        "absolute": (MASK * np.sqrt(error)).sum() / MASK.sum(),
        "rows": error.mean(),
    }
    assert found == pytest.approx(expected, rel=1e-4)
    # A mean of the blocks' means would be another number.
    blocks = [(MASK[i : i + 7] * error[i : i + 7]).sum() / max(MASK[i : i + 7].sum(), 1) for i in range(0, 48, 7)]
    assert np.mean(blocks) != pytest.approx(expected["loss"], rel=1e-3)


def test_where_nothing_counts_there_is_no_loss_and_no_gradient():
    def nothing(w):
        return Mean.of(jnp.array([5.0, 1.0]) * w, jnp.zeros(2)).value

    value, gradient = jax.value_and_grad(nothing)(2.0)
    assert value == 0 and gradient == 0
    assert Mean.of(jnp.array([jnp.inf, jnp.nan, 2.0]), jnp.array([0, 0, 3.0])).value == 2


def test_a_mean_is_scaled_and_shifted_as_a_number_is():
    mean = Mean.of(jnp.array([1.0, 3.0, 100.0]), jnp.array([1.0, 3.0, 0.0]))
    assert mean.value == 2.5
    assert (2 * mean + 1).value == (1 + mean * 2).value == 6
