"""DALL·E's published discrete VAE."""

import itertools

import jax
import jax.numpy as jnp

from deeplearn.models.dvae import DVAEDecoder, DVAEEncoder


def shapes_and_count(network, shape):
    x = jax.ShapeDtypeStruct(shape, jnp.float32)
    y, variables = jax.eval_shape(network.init_with_output, jax.random.key(0), x)
    return y.shape, sum(leaf.size for leaf in jax.tree.leaves(variables))


def block(before, after, windows):
    """Parameters of a bottleneck, counted by hand."""
    widths = [before, *[after // 4] * 3, after]
    convolutions = sum(k * k * a * b + b for k, a, b in zip(windows, widths, widths[1:], strict=False))
    return convolutions + (before != after) * (before * after + after)


def test_the_encoder_has_the_published_size():
    """The authors' file encoder.pkl has 215 MB of float32."""
    found, count = shapes_and_count(DVAEEncoder(), (1, 256, 256, 3))
    widths = [256, 256, 256, 512, 512, 1024, 1024, 2048, 2048]
    blocks = sum(block(a, b, (3, 3, 3, 1)) for a, b in itertools.pairwise(widths))
    assert found == (1, 32, 32, 8192)
    assert count == 49 * 3 * 256 + 256 + blocks + 2048 * 8192 + 8192
    assert round(4 * count / 1e6) == 215


def test_the_decoder_has_the_published_size():
    """The authors' file decoder.pkl has 175 MB of float32."""
    found, count = shapes_and_count(DVAEDecoder(), (1, 32, 32, 8192))
    widths = [128, 2048, 2048, 1024, 1024, 512, 512, 256, 256]
    blocks = sum(block(a, b, (1, 3, 3, 3)) for a, b in itertools.pairwise(widths))
    assert found == (1, 256, 256, 6)
    assert count == 8192 * 128 + 128 + blocks + 256 * 6 + 6
    assert round(4 * count / 1e6) == 175
