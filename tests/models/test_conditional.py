"""Discriminators that know what was asked for, on parameters that are set by hand."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.models.conditional import Condition, ConditionalCritic, InfoCritic

RNG = np.random.default_rng(0)
ASKED = jnp.array([[0, 1], [2, 0], [2, 1]], jnp.int32)


class Trunk(nn.Module):
    @nn.compact
    def __call__(self, x, train=False):
        return nn.Dense(4)(x)


def randomised(variables):
    return jax.tree.map(lambda leaf: RNG.normal(size=leaf.shape).astype(np.float32), variables)


def test_a_condition_is_the_sum_of_its_parts():
    model = Condition((3, 2), 5)
    variables = randomised(model.init(jax.random.key(0), ASKED))
    first, second = (variables["params"][f"Embed_{n}"]["embedding"] for n in range(2))
    wanted = (first[ASKED[:, 0]] + second[ASKED[:, 1]]) / np.sqrt(2)
    np.testing.assert_allclose(model.apply(variables, ASKED), wanted, rtol=1e-5)
    with pytest.raises(AssertionError, match="numbers has shape"):
        model.apply(variables, ASKED[:, :1])


def test_a_projection_is_a_score_and_an_inner_product():
    """w·h + b + e·h / √F (Miyato & Koyama 2018, equation 5)."""
    model, x = ConditionalCritic(Trunk(), (3, 2)), RNG.normal(size=(3, 6)).astype(np.float32)
    variables = randomised(model.init(jax.random.key(0), x, ASKED))
    params = variables["params"]
    hidden = x @ params["trunk"]["Dense_0"]["kernel"] + params["trunk"]["Dense_0"]["bias"]
    told = Condition((3, 2), 4).apply({"params": params["Condition_0"]}, ASKED)
    plain = (hidden @ params["Dense_0"]["kernel"] + params["Dense_0"]["bias"])[:, 0]
    np.testing.assert_allclose(model.apply(variables, x, ASKED), plain + (told * hidden).sum(1) / 2, rtol=1e-4)


def test_beside_it_the_answer_depends_on_what_was_asked():
    model, x = ConditionalCritic(Trunk(), (3, 2), projection=False), jnp.ones((3, 6))
    variables = randomised(model.init(jax.random.key(0), x, ASKED))
    logits = np.asarray(model.apply(variables, x, ASKED))
    assert logits.shape == (3,) and len(set(logits.round(4).tolist())) == 3


def test_both_heads_are_of_one_trunk():
    model, x = InfoCritic(Trunk(), guesses=5), jnp.asarray(RNG.normal(size=(3, 6)), jnp.float32)
    variables = randomised(model.init(jax.random.key(0), x))
    logits, guesses = model.apply(variables, x)
    assert logits.shape == (3,) and guesses.shape == (3, 5)
    variables["params"]["trunk"]["Dense_0"] = jax.tree.map(np.zeros_like, variables["params"]["trunk"]["Dense_0"])
    logits, guesses = model.apply(variables, x)
    assert np.ptp(logits) == 0 and np.ptp(guesses, axis=0).max() == 0
