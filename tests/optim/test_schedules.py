"""Schedules against torch's and against closed forms."""

from pathlib import Path

import jax
import numpy as np
import pytest

from deeplearn.errors import UserError
from deeplearn.optim.schedules import SCHEDULES, schedule

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "optimizers.npz")


def rates(name, steps=100, **settings):
    return np.asarray(jax.jit(jax.vmap(schedule(name, 0.3, steps, **settings)))(np.arange(steps)))


@pytest.mark.parametrize("name", ["cosine", "step", "linear", "inverse_time"])
def test_rates_are_torch_s(name):
    np.testing.assert_allclose(rates(name), GOLDEN[f"schedule {name}"], rtol=1e-5, atol=1e-7)


def test_a_constant_rate():
    np.testing.assert_allclose(rates("constant"), 0.3, rtol=1e-6)


def test_warm_up_is_a_line_and_then_a_cosine():
    found = rates("warmup_cosine", 200)
    np.testing.assert_allclose(found[:10], 0.03 + 0.027 * np.arange(10), rtol=1e-5)
    np.testing.assert_allclose(found[10:], 0.15 * (1 + np.cos(np.pi * np.arange(190) / 190)), rtol=1e-4, atol=1e-6)


def test_a_late_line_begins_in_the_middle():
    found = rates("late_linear", 200)
    np.testing.assert_allclose(found[:101], 0.3, rtol=1e-6)
    np.testing.assert_allclose(found[101:], 0.3 * (1 - np.arange(1, 100) / 100), rtol=1e-4)


def test_an_inverse_power_falls_as_in_domain_adversarial_training():
    found = rates("inverse_power")
    np.testing.assert_allclose(found, 0.3 / (1 + 0.1 * np.arange(100)) ** 0.75, rtol=1e-5)


def test_two_drops_on_one_update_divide_twice():
    np.testing.assert_allclose(rates("step", 2, drops=(0.1, 0.2)), [0.3, 0.003], rtol=1e-5)


def test_drops_where_they_are_asked_for():
    found = rates("step", 1000, drops=(0.32, 0.48))
    np.testing.assert_allclose(found[[0, 319, 320, 479, 480, 999]], [0.3, 0.3, 0.03, 0.03, 0.003, 0.003], rtol=1e-5)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_run_of_one_update_takes_the_full_rate(name):
    assert float(rates(name, 1)[0]) == pytest.approx(0.3)


def test_an_unknown_schedule_is_named():
    with pytest.raises(UserError, match="no schedule 'cosin': choose from constant, cosine"):
        schedule("cosin", 0.1, 10)
