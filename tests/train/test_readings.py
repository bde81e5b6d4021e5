"""Metrics as one array of bits, and what a run notes of its making."""

import jax
import jax.numpy as jnp
import numpy as np

from deeplearn.train.provenance import command, provenance
from deeplearn.train.readings import Readings, with_readings
from deeplearn.train.step import FAULT

VALUES = {"loss": 1.5, "accuracy": -0.0, "big": 3e38, "none": float("nan"), "far": float("inf")}


def scalars(scale=1.0):
    metrics = {name: jnp.float32(value) * scale for name, value in VALUES.items()}
    return {**metrics, FAULT: jnp.array([2**24 + 1, 3, -1], jnp.int32)}


def test_every_bit_of_a_metric_and_of_the_fault_arrives():
    found = jax.jit(lambda: Readings.of(scalars()))()
    assert found.names == tuple(sorted(VALUES)) and found.bits.dtype == jnp.int32
    for name, value in found.values().items():
        np.testing.assert_array_equal(value, np.float32(VALUES[name]))
        assert np.signbit(value) == np.signbit(np.float32(VALUES[name])) or np.isnan(value)
    assert found.fault.tolist() == [2**24 + 1, 3, -1]


def test_replicas_have_rows_of_their_own():
    update = with_readings(lambda state, batch, clock: (state, scalars(batch)))
    _, found = jax.vmap(update, in_axes=(None, 0, None))(0.0, jnp.array([1.0, 2.0]), 0)
    np.testing.assert_array_equal(found.values()["loss"], [1.5, 3.0])
    assert found.fault.shape == (2, 3)


def test_a_run_notes_its_command_code_versions_and_machine():
    found = provenance()
    assert set(found) == {"command", "commit", "versions", "device"}
    assert found["versions"]["jax"] == jax.__version__ and "cpu" in found["device"]
    assert command().startswith("python ")
