"""Each replica has a draw and weights of its own, and systems side by side share them."""

import flax.linen as nn
import jax
import numpy as np
import pytest

from deeplearn.models.reweighted import Reweighted, with_weights

IMAGE = np.random.default_rng(0).normal(size=(5, 2, 2, 1)).astype("float32")


class Two(nn.Module):
    def setup(self):
        self.one, self.other = Reweighted(3, 5), Reweighted(3, 5)

    def __call__(self, image):
        return self.one(image), self.other(image)


def drawn(seed):
    return Two().init({"params": jax.random.key(seed)}, IMAGE)["drawn"]


def test_systems_of_a_replica_share_a_draw_and_replicas_do_not():
    first, second = drawn(0), drawn(1)
    assert first["one"]["draw"] == first["other"]["draw"] != second["one"]["draw"]


def test_the_weights_are_those_of_the_draw():
    model = Reweighted(3, 5)
    variables = model.init({"params": jax.random.key(0)}, IMAGE)
    draw = int(variables["drawn"]["draw"])
    started = with_weights(lambda seed: np.arange(5) * (seed == draw), variables)
    assert model.apply(started, np.array([4, 0, 3]), method="weights").tolist() == [4, 0, 3]
    assert jax.tree.map(lambda x: (x.shape, x.dtype), dict(variables)) == jax.tree.map(
        lambda x: (x.shape, x.dtype), started
    )


def test_logits_are_linear():
    model = Reweighted(3, 5)
    variables = model.init({"params": jax.random.key(0)}, IMAGE)
    dense = variables["params"]["logits"]
    expected = IMAGE.reshape(5, -1) @ dense["kernel"] + dense["bias"]
    np.testing.assert_allclose(model.apply(variables, IMAGE), expected, rtol=1e-5)
    assert np.asarray(expected).std() > 0.1 and pytest.approx(0) == float(variables["drawn"]["weight"].sum())
