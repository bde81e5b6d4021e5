"""Hidden tokens: how many, which, and what is shown in their place."""

import jax
import numpy as np

from deeplearn.losses.language import masked

MASK, WORDS = 50, (4, 50)


def test_tokens_are_hidden_by_the_rule_of_80_10_10():
    tokens = jax.random.randint(jax.random.key(0), (1000, 100), 0, 50)
    allowed = tokens >= 4
    shown, asked = (np.asarray(one) for one in masked(jax.random.key(1), tokens, allowed, MASK, WORDS))
    tokens, allowed = np.asarray(tokens), np.asarray(allowed)
    assert not asked[~allowed].any()
    np.testing.assert_array_equal(shown[~asked], tokens[~asked])
    np.testing.assert_allclose(asked[allowed].mean(), 0.15, atol=0.004)  # some four standard deviations
    hidden, kept = (shown == MASK)[asked].mean(), (shown == tokens)[asked].mean()
    np.testing.assert_allclose(hidden, 0.8, atol=0.015)
    np.testing.assert_allclose(kept, 0.1 + 0.1 / 46, atol=0.011)
    other = shown[asked & (shown != MASK) & (shown != tokens)]
    np.testing.assert_allclose(np.bincount(other, minlength=50)[4:] / len(other), 1 / 46, atol=0.02)
    assert other.min() >= 4 and other.max() < 50


def test_each_key_hides_others_and_a_fraction_of_one_asks_for_all():
    tokens = jax.random.randint(jax.random.key(0), (20, 30), 4, 50)
    one, two = (masked(jax.random.key(n), tokens, tokens >= 0, MASK, WORDS)[1] for n in (1, 2))
    assert (one != two).any()
    assert masked(jax.random.key(1), tokens, tokens >= 0, MASK, WORDS, fraction=1.0)[1].all()
