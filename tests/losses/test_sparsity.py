"""The sparsity penalty against SciPy's relative entropy."""

import chex
import jax
import numpy as np
import pytest
from absl.testing import parameterized
from scipy.stats import entropy

from deeplearn.losses.sparsity import sparsity_penalty

H = np.random.default_rng(0).uniform(0.01, 0.9, size=(7, 4)).astype(np.float32)


class SparsityPenalty(chex.TestCase):
    @chex.all_variants
    @parameterized.parameters(0.05, 0.4)
    def test_it_is_the_sum_of_the_units_relative_entropies(self, target):
        mean = H.mean(0)
        expected = sum(entropy([target, 1 - target], [m, 1 - m]) for m in mean)
        assert float(self.variant(sparsity_penalty)(H, target)) == pytest.approx(expected, rel=1e-5)

    @chex.all_variants
    def test_units_at_the_target_cost_nothing_and_its_slope_there_is_zero(self):
        h = np.stack([np.full(3, 0.02), np.full(3, 0.08)]).astype(np.float32)  # the mean is .05, no row is
        found = self.variant(jax.value_and_grad(sparsity_penalty))(h, 0.05)
        chex.assert_trees_all_close(found, (np.zeros(()), np.zeros((2, 3))), atol=1e-5)


def test_its_gradient_agrees_with_finite_differences():
    slope = np.asarray(jax.grad(sparsity_penalty)(H, 0.05))
    wide = H.astype(np.float64)
    for place in np.ndindex(H.shape):
        ends = []
        for step in (1e-6, -1e-6):
            moved = wide.copy()
            moved[place] += step
            mean = moved.mean(0)
            ends.append((0.05 * np.log(0.05 / mean) + 0.95 * np.log(0.95 / (1 - mean))).sum())
        assert slope[place] == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize(("all_alike", "least"), [(0.0, 0.5), (1.0, 10.0)])
def test_a_unit_that_is_off_or_on_for_the_whole_batch_costs_a_finite_amount(all_alike, least):
    assert least < float(sparsity_penalty(np.full((5, 2), all_alike, np.float32), 0.05)) < 50
