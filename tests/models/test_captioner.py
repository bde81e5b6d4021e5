"""Captioners: their size at the paper's, what each step may depend on, and that captions are searched for well."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.models.captioner import Captioner
from deeplearn.nn.cells import GRUCell, LSTMCell

IMAGE = np.random.default_rng(0).uniform(size=(3, 8, 8, 3)).astype(np.float32)
TOKENS = np.array([[2, 5, 4, 6], [2, 6, 6, 5], [2, 4, 5, 5]], np.int32)
KINDS = [(True, LSTMCell), (True, GRUCell), (False, LSTMCell)]


@functools.cache
def small(attention=True, cell=LSTMCell, vocabulary=7):
    model = Captioner(vocabulary, (3, 4), (1, 1), 5, 6, attention, cell)
    variables = jax.jit(model.init)(jax.random.key(1), IMAGE, TOKENS)
    # Larger weights than at the start: what is to be seen would be lost in rounding.
    return model, jax.tree.map(lambda x: 2 * x, variables), jax.jit(model.apply)


def count(tree):
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


@pytest.mark.parametrize("attention", [True, False])
def test_parameters_at_the_paper_s_sizes(attention):
    """Xu et al.'s own for COCO: 10,000 words, embedded in 512, 1,800 units, 196 places of VGG-19's 512 features."""
    words, embedding, hidden, features = 10_000, 512, 1800, 512
    model = Captioner(words, (64, 128, 256, 512, 512), (2, 2, 4, 4, 4), embedding, hidden, attention)
    image, tokens = jnp.zeros((1, 224, 224, 3)), jnp.zeros((1, 5), jnp.int32)
    variables = jax.eval_shape(model.init, jax.random.key(0), image, tokens)
    _, weights = jax.eval_shape(model.apply, variables, image, tokens)
    found = variables["params"]
    vgg19 = 20_024_384  # convolutions of VGG-19 with their biases; here batch norm has a scale, too
    assert count(found.pop("encoder")) == vgg19 + sum(
        layers * width for layers, width in zip((2, 2, 4, 4, 4), (64, 128, 256, 512, 512), strict=True)
    )
    shared = words * embedding + (embedding + 1) * words + hidden * embedding
    if attention:
        assert weights.shape == (1, 5, 196)
        lstm = 4 * hidden * (embedding + features + hidden + 1)
        looking = hidden * hidden + features * hidden + hidden  # W, U and v
        begin, gate, context = 2 * (features + 1) * hidden, hidden + 1, features * embedding
        assert count(found) == shared + lstm + looking + begin + gate + context
    else:
        lstm = 4 * hidden * (embedding + hidden + 1)
        assert count(found) == shared + lstm + (features + 1) * embedding


@pytest.mark.parametrize("kind", KINDS)
def test_logits_depend_on_the_picture_and_on_tokens_up_to_their_own(kind):
    _, variables, apply = small(*kind)
    logits, weights = apply(variables, IMAGE, TOKENS)
    changed, _ = apply(variables, IMAGE, np.array(TOKENS[:, [0, 1, 3, 2]]))
    moved = np.abs(changed - logits).max((0, 2)) > 1e-4
    assert moved.tolist() == [False, False, True, True]
    other, _ = apply(variables, IMAGE[::-1], TOKENS)
    assert (np.abs(other - logits).max(2)[[0, 2]] > 1e-4).all()
    if kind[0]:
        np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-6)
    assert weights.shape == (3, 4, 16 if kind[0] else 0)


@pytest.mark.parametrize("attention", [True, False])
def test_only_attention_tells_where_in_a_picture_something_is(attention):
    """Places in another order have the same mean: without attention nothing changes, with it the weights move."""
    model, variables, _ = small(attention)

    def moved(bound, image, tokens):
        seen = bound.look(image)
        step = bound.step(seen._replace(places=seen.places[:, ::-1], keys=seen.keys[:, ::-1]), tokens)
        return bound.step(seen, tokens)[1], step[1]

    both = jax.jit(functools.partial(model.apply, method=moved))(variables, IMAGE, TOKENS[:, 0])
    (out, weights), (out_moved, weights_moved) = both
    np.testing.assert_allclose(out, out_moved, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(weights[:, ::-1], weights_moved, rtol=1e-5)
    if attention:
        assert weights.std(-1).min() > 0


@pytest.mark.parametrize("kind", KINDS[1:])
def test_many_beams_find_the_most_probable_of_all_captions(kind):
    """Against brute force: every caption of at most three tokens of a vocabulary of seven."""
    model, variables, apply = small(*kind)
    end, steps = 3, 3
    search = functools.partial(model.apply, steps=steps, begin=2, end=end, beams=49, method=Captioner.caption)
    found = np.asarray(jax.jit(search)(variables, IMAGE))
    whole = {
        tokens[: tokens.index(end) + 1] if end in tokens else tokens
        for tokens in itertools.product(range(7), repeat=steps)
    }
    padded = np.array([[*one, *[0] * (steps - len(one))] for one in sorted(whole)], np.int32)
    lengths = np.array([len(one) for one in sorted(whole)])
    given = np.concatenate([np.full((len(padded), 1), 2, np.int32), padded[:, :-1]], 1)
    for row in range(len(IMAGE)):
        logits, _ = apply(variables, np.repeat(IMAGE[row : row + 1], len(padded), 0), given)
        each = np.take_along_axis(np.asarray(jax.nn.log_softmax(logits)), padded[..., None], -1)[..., 0]
        total = (each * (np.arange(steps) < lengths[:, None])).sum(1)
        assert found[row].tolist() == padded[total.argmax()].tolist()
