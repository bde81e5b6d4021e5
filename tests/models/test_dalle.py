"""DALL·E's transformer."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.models.dalle import Foreseen, TextAndCodes, dalle_12b

TOKENS = np.array([[2, 5, 6, 3], [2, 7, 3, 0]], np.int32)
LENGTH = np.array([4, 3], np.int32)
CODES = np.random.default_rng(0).integers(0, 11, (2, 6)).astype(np.int32)
HINTS = np.random.default_rng(1).normal(size=(2, 6, 5)).astype(np.float32)


@functools.cache
def made(**given):
    model = TextAndCodes(9, 4, 11, (2, 3), width=8, depth=3, heads=2, hidden=16, kernel=3, **given)
    variables = jax.jit(model.init)(jax.random.key(0), TOKENS, LENGTH, CODES, HINTS)
    leaves, tree = jax.tree.flatten(variables)
    keys = jax.random.split(jax.random.key(1), len(leaves))
    leaves = [leaf + 0.5 * jax.random.normal(key, leaf.shape) for key, leaf in zip(keys, leaves, strict=True)]
    return model, jax.tree.unflatten(tree, leaves)


def logits(model, variables, tokens=TOKENS, length=LENGTH, codes=CODES, hints=HINTS):
    return jax.jit(model.apply)(variables, tokens, length, codes, hints)


@pytest.mark.parametrize(("given", "hints"), [({}, HINTS), ({"prefix": False, "sparse": True}, None)])
def test_one_code_after_the_other_gives_what_all_at_once_gives(given, hints):
    model, variables = made(**given)
    expected = logits(model, variables, hints=hints).of_codes
    told, cache = model.apply(variables, TOKENS, LENGTH, hints, method="read", mutable=["cache"])
    assert told.shape == (2, 6, 0 if hints is None else 8)
    before = np.full(2, 11, np.int32)
    after = jax.jit(functools.partial(model.apply, method="after", mutable=["cache"]))
    for place in range(6):
        found, cache = after(variables | cache, before, jnp.array(place), told)
        np.testing.assert_allclose(found, expected[:, place], atol=1e-4)
        before = CODES[:, place]


def test_no_code_sees_itself_or_a_later_one():
    model, variables = made()
    before = logits(model, variables)
    changed = CODES.copy()
    changed[:, 3] = (changed[:, 3] + 1) % 11
    after = logits(model, variables, codes=changed)
    moved = np.abs(np.asarray(after.of_codes - before.of_codes)).max((0, 2))
    assert (moved[:4] == 0).all() and (moved[4:] > 1e-5).all()


def test_words_are_predicted_from_those_before_them():
    model, variables = made(prefix=False, sparse=True)
    before = logits(model, variables).of_words
    assert before.shape == (2, 3, 9 + 4)
    changed = TOKENS.copy()
    changed[0, 2] = 8
    after = logits(model, variables, tokens=changed).of_words
    moved = np.abs(np.asarray(after - before)).max(-1)
    assert (moved[0, :2] == 0).all() and moved[0, 2] > 1e-4


def test_a_prefix_is_read_in_both_directions():
    """With causal text, the first word's states could not change where the last word does."""
    changed = TOKENS.copy()
    changed[0, 3] = 8

    def states(model: TextAndCodes, tokens, length):
        return model.decoder(model._text(tokens, length), False)

    for prefix in (True, False):
        model, variables = made(prefix=prefix)
        before, after = (model.apply(variables, tokens, LENGTH, method=states) for tokens in (TOKENS, changed))
        assert (np.abs(before - after)[0, 0].max() > 1e-4) == prefix
    assert logits(*made()).of_words is None


def test_every_position_has_a_padding_of_its_own():
    model, variables = made()
    padded = model.apply(variables, TOKENS, LENGTH, method="padded")
    np.testing.assert_array_equal(padded, [[2, 5, 6, 3], [2, 7, 3, 9 + 3]])
    # So what the data set pads with does not matter.
    other = TOKENS.copy()
    other[1, 3] = 8
    for one, same in zip(logits(model, variables)[1:], logits(model, variables, tokens=other)[1:], strict=True):
        np.testing.assert_array_equal(one, same)


def test_a_hint_moves_its_own_place_and_later_ones():
    model, variables = made()
    other = HINTS.copy()
    other[:, 3] += 1
    moved = np.abs(logits(model, variables, hints=other).of_codes - logits(model, variables).of_codes).max((0, 2))
    assert (moved[:3] == 0).all() and (moved[3:] > 1e-5).all()


def test_a_bag_of_words_has_no_order_and_no_more_than_the_words_inside():
    model = Foreseen(9, 6, 5)
    variables = model.init(jax.random.key(0), TOKENS, LENGTH)
    found = model.apply(variables, TOKENS, LENGTH)
    assert found.shape == (2, 6, 5)
    other = TOKENS.copy()
    other[1] = 7, 2, 3, 8  # the third is the last inside
    np.testing.assert_allclose(model.apply(variables, other, LENGTH), found, rtol=1e-4, atol=1e-6)
    other[1, 0] = 6
    assert np.abs(model.apply(variables, other, LENGTH) - found)[1].max() > 1e-4


def test_the_published_size():
    """Section 2.2: 12 billion. All layers are alike: two say what 64 have, in a fraction of the time."""
    shapes = [jax.ShapeDtypeStruct(shape, jnp.int32) for shape in ((1, 256), (1,), (1, 1024))]

    def count(depth):
        model = dalle_12b().clone(depth=depth)
        return sum(leaf.size for leaf in jax.tree.leaves(jax.eval_shape(model.init, jax.random.key(0), *shapes)))

    one, two = count(1), count(2)
    width = 3968
    assert two - one == 12 * width**2 + 13 * width  # attention, feed-forward networks, biases, two layer norms
    assert dalle_12b().depth == 64 and round((one + 63 * (two - one)) / 1e8) == 123
