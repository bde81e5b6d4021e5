"""The diffusion prior: what its answer depends on, and the published size."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.models.diffusion_prior import DiffusionPrior
from deeplearn.models.unclip import unclip_prior


def test_the_answer_depends_on_all_that_it_is_told():
    """Noised vector, level, the caption's vector, and each word; of its own row alone."""
    prior = DiffusionPrior(9, 3, 8, 2, 2)
    rng = np.random.default_rng(0)
    x, text = (rng.normal(size=(2, 4)).astype(np.float32) for _ in range(2))
    told = {
        "x": x,
        "ratio": np.array([0.5, 2.0], np.float32),
        "text_vector": text,
        "tokens": np.array([[2, 5, 3]] * 2),
    }
    variables = prior.init(jax.random.key(0), *told.values())
    apply = jax.jit(prior.apply)
    before = apply(variables, *told.values())
    assert before.shape == (2, 4)
    for name in told:
        changed = {**told, name: np.array(told[name])}
        changed[name][0] += 1
        gap = np.abs(apply(variables, *changed.values()) - before).max(1)
        assert gap[0] > 1e-4 > 1e-6 > gap[1], name
    for place in range(3):
        tokens = told["tokens"].copy()
        tokens[0, place] = 7
        assert np.abs(apply(variables, *{**told, "tokens": tokens}.values()) - before)[0].max() > 1e-5


def test_a_caption_of_another_length_is_refused():
    prior = DiffusionPrior(9, 3, 8, 1, 2)
    with pytest.raises(AssertionError, match="tokens has shape"):
        jax.eval_shape(
            prior.init,
            jax.random.key(0),
            *(jnp.zeros((2, n)[: 2 - (n == 1)]) for n in (4, 1, 4)),
            jnp.zeros((2, 5), int),
        )


def test_the_published_count():
    """ "1 B": 24 layers of 12 · 2048² and their biases and norms are 1.209; the words' vectors come on top."""
    prior = unclip_prior()
    arguments = jnp.zeros((1, 768)), jnp.ones(1), jnp.zeros((1, 768)), jnp.zeros((1, 256), jnp.int32)
    shapes = jax.eval_shape(prior.init, jax.random.key(0), *arguments)["params"]
    count = {name: sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(tree)) for name, tree in shapes.items()}
    assert count["decoder"] == 24 * (12 * 2048**2 + 13 * 2048) + 2 * 2048 == 1_208_602_624
    assert sum(count.values()) == 1_315_181_312
