"""The bidirectional game: generator and encoder want the opposite of what the discriminator wants."""

from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

from experiments.adversarial import anomaly

REAL, FAKE = jnp.array([0.3, -1.0, 2.0]), jnp.array([0.7, -0.2, 0.0])
LABELS_SWAPPED = {
    "least_squares": np.square(REAL).mean() / 2 + np.square(np.asarray(FAKE) - 1).mean() / 2,
    "non_saturating": np.logaddexp(0, REAL).mean() + np.logaddexp(0, -np.asarray(FAKE)).mean(),
    "hinge": float(REAL.mean() - FAKE.mean()),
}


@pytest.mark.parametrize("game", LABELS_SWAPPED)
def test_each_pair_should_be_taken_for_the_other(game):
    model = SimpleNamespace(
        discriminator=lambda x, train: x, real=lambda batch: (REAL,), fake=lambda batch, train: (FAKE,)
    )
    loss, _ = anomaly.deceive(model, {}, game)
    assert float(loss) == pytest.approx(float(LABELS_SWAPPED[game]), rel=1e-5)
