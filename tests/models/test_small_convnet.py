"""The small classifier on images of any size."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.models.small_convnet import SmallConvNet, halvings


def test_halvings_leave_at_most_eight_pixels():
    assert [halvings(side, 3) for side in (1, 8, 28, 32, 33, 64, 128, 129)] == [2, 2, 2, 2, 3, 3, 4, 5]
    assert halvings(3, 128) == 4


@pytest.mark.parametrize("shape", [(1, 1, 1), (28, 28, 1), (6, 40, 4)])
def test_any_image_gives_logits_and_features(shape):
    model = SmallConvNet(5, width=4)
    x = jnp.zeros((2, *shape))
    variables = jax.eval_shape(lambda: model.init(jax.random.key(0), x, False))
    logits, features = jax.eval_shape(lambda v: model.apply(v, x, False), variables)
    assert (logits.shape, features.shape) == ((2, 5), (2, 128))


def test_logits_are_a_dense_layer_of_the_features():
    model, x = SmallConvNet(5, width=4), jax.random.uniform(jax.random.key(1), (3, 8, 8, 2))
    variables = model.init(jax.random.key(0), x, False)
    logits, features = model.apply(variables, x, False)
    last = variables["params"]["Dense_1"]
    np.testing.assert_allclose(logits, features @ last["kernel"] + last["bias"], rtol=1e-5, atol=1e-6)
    assert features.min() == 0 < features.max()


def test_sides_are_padded_with_their_outermost_pixels():
    model, x = SmallConvNet(5, width=4), jax.random.uniform(jax.random.key(1), (3, 6, 7, 1))
    padded = jnp.pad(x, ((0, 0), (1, 1), (0, 1), (0, 0)), mode="edge")
    variables = model.init(jax.random.key(0), x, False)
    np.testing.assert_array_equal(model.apply(variables, x, False)[1], model.apply(variables, padded, False)[1])


def test_training_drops_and_uses_the_batch_s_statistics():
    model, x = SmallConvNet(5, width=4), jax.random.uniform(jax.random.key(1), (3, 8, 8, 1))
    variables = model.init(jax.random.key(0), x, False)
    rngs = [{"dropout": jax.random.key(seed)} for seed in (2, 3)]
    (one, changed), (two, _) = [model.apply(variables, x, True, rngs=r, mutable=["batch_stats"]) for r in rngs]
    assert np.abs(one[0] - two[0]).max() > 0
    leaves = zip(jax.tree.leaves(changed["batch_stats"]), jax.tree.leaves(variables["batch_stats"]), strict=True)
    assert all(np.abs(after - before).max() > 0 for after, before in leaves)


def test_an_array_that_is_no_batch_of_images_is_reported():
    with pytest.raises(AssertionError, match="rank"):
        SmallConvNet(5).init(jax.random.key(0), jnp.zeros((8, 8, 1)), False)
