"""Gradient reversal in one turn has the gradients of the two turns, and nobody sees a label of the target."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.losses.adaptation import aligned, confuse, reversed_gradient, supervised, tell_apart
from deeplearn.losses.alignment import coral, ramp
from deeplearn.models.adaptation import DomainAdaptation

STRENGTH, STEPS, STEP = 0.7, 10, 4
MODEL = DomainAdaptation(3, width=2, hidden=4)
RNG = np.random.default_rng(0)


def rows(count):
    image = RNG.uniform(size=(count, 6, 6, 1)).astype(np.float32)
    return {"image": image, "label": RNG.integers(3, size=count).astype(np.int32)}


SOURCE, TARGET = rows(6), rows(5)
BATCH = {"source": SOURCE, "target": {"image": TARGET["image"]}, "labelled_target": TARGET, "step": STEP}
GAME = {"strength": STRENGTH, "steps": STEPS}
KEYS = {"params": jax.random.key(0), "dropout": jax.random.key(1)}


@pytest.fixture(scope="module")
def variables():
    return MODEL.init(KEYS, BATCH, method=lambda model, batch: reversed_gradient(model, batch, **GAME))


def gradients(variables, loss, **settings):
    """Of all parameters; the same dropout every time."""

    def value(params):
        (total, _), _ = MODEL.apply(
            {**variables, "params": params},
            BATCH,
            method=lambda model, batch: loss(model, batch, **settings),
            rngs={"dropout": jax.random.key(2)},
            mutable=["batch_stats"],
        )
        return total

    return jax.jit(jax.grad(value))(variables["params"])


def close(one, other):
    for x, y in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-6)


def test_one_turn_is_the_game_s_two(variables):
    both = gradients(variables, reversed_gradient, **GAME)
    first, second = gradients(variables, tell_apart), gradients(variables, confuse, **GAME)
    close(both["domains"], first["domains"])
    for network in ("features", "labels"):
        close(both[network], second[network])
    assert any(np.abs(leaf).max() > 1e-3 for leaf in jax.tree.leaves(first["features"]))


def test_the_features_gradient_is_the_labels_less_the_domains(variables):
    labels, domain = gradients(variables, supervised, of="source"), gradients(variables, tell_apart)
    expected = jax.tree.map(
        lambda x, y: x - STRENGTH * ramp(STEP / STEPS) * y, labels["features"], domain["features"]
    )
    close(gradients(variables, reversed_gradient, **GAME)["features"], expected)


def test_an_alignment_grows_from_nothing(variables):
    plain = gradients(variables, supervised, of="source")["features"]
    pull = {"distance": lambda s, t: 100 * coral(s, t), **GAME}
    with pytest.raises(AssertionError):
        close(gradients(variables, aligned, **pull)["features"], plain)
    BATCH["step"] = 0
    try:
        close(gradients(variables, aligned, **pull)["features"], plain)
    finally:
        BATCH["step"] = STEP


@pytest.mark.parametrize(
    ("loss", "settings"),
    [(reversed_gradient, GAME), (confuse, GAME), (tell_apart, {}), (aligned, {"distance": coral, **GAME})],
)
def test_what_adapts_needs_no_label_of_the_target(variables, loss, settings):
    batch = {key: BATCH[key] for key in ("source", "target", "step")}
    (value, _), _ = MODEL.apply(
        variables,
        batch,
        method=lambda model, batch: loss(model, batch, **settings),
        rngs={"dropout": jax.random.key(2)},
        mutable=["batch_stats"],
    )
    assert jnp.isfinite(value)
