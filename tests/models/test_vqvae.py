"""Pictures as codes and back, with one level and two."""

import jax
import numpy as np
import pytest

from deeplearn.models.vqvae import VQVAE, CodeEncoder, depth_to_space

RNG = np.random.default_rng(0)
IMAGE = RNG.uniform(size=(3, 16, 24, 3)).astype(np.float32)
KEY = jax.random.key(0)


def made(**fields):
    model = VQVAE((16, 24, 3), codes=6, features=4, width=8, blocks=1, **fields)
    variables = model.init({"params": KEY, "noise": KEY}, IMAGE)
    if model.quantiser == "ema":  # at first all codes are one vector
        fill = {k: RNG.normal(size=v.shape).astype(np.float32) for k, v in _leaves(variables["codebook"]).items()}
        variables = {**variables, "codebook": _filled(variables["codebook"], fill)}
    return model, variables


def _leaves(tree):
    return {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


def _filled(tree, fill):
    return jax.tree_util.tree_map_with_path(lambda path, _: fill[jax.tree_util.keystr(path)], tree)


@pytest.mark.parametrize(
    ("fields", "grids"),
    [
        ({"factor": 4}, ((4, 6),)),
        ({"factor": 4, "levels": 2}, ((2, 3), (4, 6))),
        ({"factor": 2, "quantiser": "gumbel", "parts": 2}, ((8, 12),)),
    ],
)
def test_codes_say_all_that_the_decoder_knows(fields, grids):
    model, variables = made(**fields)
    assert model.grids == grids and model.tokens == sum(h * w for h, w in grids)
    outputs, codes, loss = model.apply(variables, IMAGE)
    assert outputs.shape == (*IMAGE.shape, model.parts) and codes.shape == (3, model.tokens) and loss.shape == ()
    np.testing.assert_array_equal(model.apply(variables, IMAGE, method="encode"), codes)
    decoded = model.apply(variables, codes, method="decode")
    np.testing.assert_allclose(decoded, model.apply(variables, outputs, method="picture"), atol=2e-5)
    assert decoded.shape == IMAGE.shape and 0 <= np.asarray(decoded).min() <= np.asarray(decoded).max() <= 1


def test_a_code_says_what_is_near_its_place_and_nothing_else():
    encoder = CodeEncoder(4, 8, 1, 5)
    params = jax.tree.map(lambda x: x + RNG.normal(size=x.shape).astype(np.float32), encoder.init(KEY, IMAGE))
    other = IMAGE.copy()
    other[:, :4, 4:8] = 1 - other[:, :4, 4:8]  # the patch in row 0, column 1
    moved = np.abs(encoder.apply(params, IMAGE) - encoder.apply(params, other)).max((0, -1)) > 1e-5
    near = np.zeros((4, 6), bool)
    near[:2, :3] = True
    np.testing.assert_array_equal(moved, near)


def test_the_finer_codes_know_the_coarser():
    """VQ-VAE-2: the bottom encoder is conditioned on the quantised top."""
    model, variables = made(factor=4, levels=2)
    coarse = variables["codebook"]["top_codebook"]
    changed = {**coarse, "vectors": coarse["vectors"][::-1].copy() + 3}
    other = {**variables, "codebook": {**variables["codebook"], "top_codebook": changed}}
    one, two = (model.apply(v, IMAGE, method="encode")[:, 6:] for v in (variables, other))
    assert (one != two).any()


def test_depth_becomes_space():
    x = np.arange(2 * 3 * 8).reshape(1, 2, 3, 8)
    found = np.asarray(depth_to_space(x, 2))
    assert found.shape == (1, 4, 6, 2)
    for row in range(4):
        for column in range(6):
            patch = x[0, row // 2, column // 2].reshape(2, 2, 2)
            np.testing.assert_array_equal(found[0, row, column], patch[row % 2, column % 2])
