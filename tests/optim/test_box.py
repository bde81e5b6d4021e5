"""Weights in a box, beside numpy's clip."""

import jax.numpy as jnp
import numpy as np
import optax

from deeplearn.optim.box import within


def test_after_an_update_every_weight_is_in_the_box():
    params = {"kernel": jnp.array([0.005, -0.02, 0.0099]), "bias": jnp.array([0.5])}
    chain = optax.chain(optax.sgd(1.0), within(0.01))
    grads = {"kernel": jnp.array([0.001, 0.3, -0.5]), "bias": jnp.array([0.1])}
    updates, _ = chain.update(grads, chain.init(params), params)
    after = optax.apply_updates(params, updates)
    np.testing.assert_allclose(after["kernel"], [0.004, -0.01, 0.01], rtol=1e-5)
    np.testing.assert_allclose(after["bias"], [0.01], rtol=1e-5)
