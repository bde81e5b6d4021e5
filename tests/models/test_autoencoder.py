"""The deep autoencoder against NumPy."""

import chex
import jax
import numpy as np

from deeplearn.models.autoencoder import Autoencoder, RectifiedLayer


def test_encoder_and_its_mirror_agree_with_numpy():
    x = np.random.default_rng(0).uniform(size=(3, 6)).astype(np.float32)
    generator = np.random.default_rng(1)
    module = Autoencoder(6, (5, 4, 2), jax.numpy.tanh)
    shapes = jax.eval_shape(module.init, jax.random.key(0), x)
    variables = jax.tree.map(lambda leaf: generator.normal(size=leaf.shape).astype(np.float32), shapes)

    def mlp(layers, h):
        for number in range(3):
            h = h @ layers[f"Dense_{number}"]["kernel"] + layers[f"Dense_{number}"]["bias"]
            h = np.tanh(h) if number < 2 else h
        return h

    code = mlp(variables["params"]["encoder"], x)
    image = mlp(variables["params"]["decoder"], code)
    assert code.shape == (3, 2) and image.shape == x.shape
    chex.assert_trees_all_close(module.apply(variables, x), (code, image), rtol=1e-4, atol=1e-5)
    widths = [layer["kernel"].shape[1] for layer in variables["params"]["decoder"].values()]
    assert widths == [4, 5, 6]


def test_a_rectified_layer_is_its_formula():
    layer, x = RectifiedLayer(6, 4), np.random.default_rng(1).normal(size=(5, 6)).astype(np.float32)
    variables = layer.init(jax.random.key(0), x, method=lambda layer, x: layer.decode(layer.encode(x)))
    rng = np.random.default_rng(2)
    p = jax.tree.map(lambda w: rng.normal(size=w.shape).astype(np.float32), variables["params"])
    code = layer.apply({"params": p}, x, method=RectifiedLayer.encode)
    np.testing.assert_allclose(code, np.maximum(x @ p["kernel"] + p["hidden_bias"], 0), rtol=1e-5, atol=1e-5)
    back = layer.apply({"params": p}, code, method=RectifiedLayer.decode)
    np.testing.assert_allclose(back, code @ p["kernel"].T + p["visible_bias"], rtol=1e-5, atol=1e-5)
