"""log Z of restricted Boltzmann machines: by enumeration, by quadrature, by annealing, against each other."""

import itertools

import numpy as np
import pytest
from scipy.special import logsumexp

from deeplearn.metrics.partition_function import (
    Weights,
    annealed_log_partition,
    annealed_nll,
    exact_log_partition,
    free_energy,
    mean_log_odds,
)
from deeplearn.models.rbm import RBM


def machine(visible, hidden, scale=1.0, std=None, seed=0):
    rng = np.random.default_rng(seed)
    return Weights(
        scale * rng.normal(size=(visible, hidden)), rng.normal(size=visible), rng.normal(size=hidden), std
    )


def states(units):
    return np.array(list(itertools.product([0.0, 1.0], repeat=units)))


@pytest.mark.parametrize(("visible", "hidden"), [(3, 5), (5, 3), (4, 4), (2, 16)])
def test_the_smaller_layer_s_sum_is_the_sum_over_both_layers(visible, hidden):
    kernel, b, c, _ = weights = machine(visible, hidden)
    v, h = states(visible), states(hidden)
    energies = -(v @ b)[:, None] - h @ c - v @ kernel @ h.T
    assert exact_log_partition(weights) == pytest.approx(logsumexp(-energies), abs=1e-10)


def test_more_units_than_fit_into_a_block_are_all_counted():
    kernel, b, c, _ = machine(17, 17)
    silent = Weights(np.zeros_like(kernel), b, c)  # its Z is a product
    assert exact_log_partition(silent) == pytest.approx(np.logaddexp(0, b).sum() + np.logaddexp(0, c).sum())
    transposed = exact_log_partition(Weights(kernel.T, c, b))
    assert exact_log_partition(Weights(kernel, b, c)) == pytest.approx(transposed, abs=1e-9)


def test_gaussian_units_are_integrated_out():
    weights = machine(2, 3, std=0.8)
    line = np.linspace(-12, 12, 481)  # of a smooth density that ends in zeros, a sum is as good as quadrature
    points = np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)
    integral = np.exp(-free_energy(points, weights)).sum() * (line[1] - line[0]) ** 2
    assert exact_log_partition(weights) == pytest.approx(np.log(integral), abs=1e-3)


@pytest.mark.parametrize("std", [None, 0.6])
def test_free_energy_is_that_of_the_model(std):
    weights = machine(4, 3, std=std)
    params = dict(zip(("kernel", "visible_bias", "hidden_bias"), weights, strict=False))
    v = np.random.default_rng(1).normal(size=(5, 4))
    expected = RBM(4, 3, std).apply({"params": params}, v, method=RBM.free_energy)
    np.testing.assert_allclose(free_energy(v, weights), expected, rtol=1e-5)


def test_annealing_finds_the_exact_value_within_its_own_error():
    weights = machine(30, 10, scale=0.7)
    exact = exact_log_partition(weights)
    estimate, error = annealed_log_partition(weights, np.zeros(30), seed=0, temperatures=1000, chains=200)
    assert error < 0.1
    assert abs(estimate - exact) < 4 * error + 0.01  # .01: single precision over 1000 steps
    shifted, _ = annealed_log_partition(weights, weights.visible_bias, seed=1, temperatures=1000, chains=200)
    assert shifted == pytest.approx(exact, abs=0.2)  # from another base


def test_annealing_with_gaussian_units():
    weights = machine(6, 8, scale=0.5, std=0.7)
    estimate, error = annealed_log_partition(weights, np.full(6, 0.3), seed=0, temperatures=1000, chains=200)
    assert error < 0.1
    assert estimate == pytest.approx(exact_log_partition(weights), abs=4 * error + 0.01)


def test_annealing_from_a_machine_without_weights_to_itself_has_no_error():
    b = np.array([0.3, -2.0, 1.0])
    weights = Weights(np.zeros((3, 2)), b, np.zeros(2))
    estimate, error = annealed_log_partition(weights, b, seed=0, temperatures=10, chains=20)
    assert estimate == pytest.approx(exact_log_partition(weights), abs=1e-5) and error < 1e-6


def test_what_is_too_large_to_enumerate_is_refused():
    with pytest.raises(ValueError, match="annealed"):
        exact_log_partition(machine(26, 26))


def test_log_odds_of_means_stay_finite():
    v = np.array([[1, 0, 1], [1, 0, 0]])
    np.testing.assert_allclose(mean_log_odds(v), np.log([3, 1 / 3, 1]))


@pytest.mark.parametrize("std", [None, 0.7])
def test_nats_by_annealing_are_those_of_the_exact_log_partition(std):
    weights = machine(6, 5, scale=0.5, std=std)
    v = (np.random.default_rng(2).random((40, 6)) < 0.4).astype(float)
    found = annealed_nll(weights, v[:20], v[20:], temperatures=1000)
    exact = exact_log_partition(weights) + float(free_energy(v[20:], weights).mean())
    assert found["nll"] == pytest.approx(exact, abs=4 * found["log_z_error"] + 0.01) and found["log_z_error"] < 0.1
