"""Local response normalisation: torch's convention against torch, the paper's against its sum."""

import chex
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.nn.lrn import local_response_norm
from tests.nn.layer_checks import golden, normal, value_and_gradients


@pytest.mark.parametrize(("case", "how"), [("lrn", (5, 2.0, 5e-2, 0.75)), ("lrn_even", (4, 1.0, 5e-2, 0.6))])
def test_the_mean_convention_is_torch_s(case, how):
    expected = golden(case)
    y, dx = value_and_gradients(lambda x: local_response_norm(x, *how, "mean"), expected["g"], expected["x"])
    np.testing.assert_allclose(y, expected["y"], rtol=1e-5)
    np.testing.assert_allclose(dx, expected["dx"], rtol=1e-4, atol=1e-5)


class Conventions(chex.TestCase):
    @chex.all_variants
    def test_the_paper_s_sum(self):
        """Section 3.3 in float64, with its constants, on values large enough to matter."""
        x = 100 * normal(0, 2, 3, 3, 7)
        expected = np.empty(x.shape)
        for i in range(7):
            total = (x[..., max(0, i - 2) : min(6, i + 2) + 1].astype(np.float64) ** 2).sum(-1)
            expected[..., i] = x[..., i] / (2 + 1e-4 * total) ** 0.75
        np.testing.assert_allclose(self.variant(local_response_norm)(x), expected, rtol=1e-5)
        as_mean = self.variant(lambda x: local_response_norm(x, alpha=5e-4, convention="mean"))
        np.testing.assert_allclose(as_mean(x), expected, rtol=1e-5)
        rounded = self.variant(local_response_norm)(jnp.asarray(x, jnp.bfloat16))
        assert rounded.dtype == jnp.bfloat16
        np.testing.assert_allclose(np.asarray(rounded, np.float32), expected, rtol=0.03)


def test_another_convention_is_an_error():
    with pytest.raises(ValueError, match="paper or mean"):
        local_response_norm(np.ones((1, 3)), convention="torch")
