"""Bahdanau's and Luong's attention against loops in numpy, and what padding must not change."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.nn.attention import BahdanauAttention, LuongAttention, attend
from tests.nn.layer_checks import normal

QUERY, STATES = normal(0, 3, 2, 4), normal(1, 3, 5, 6)
LENGTHS = np.array([5, 2, 1])
MASK = np.arange(5) < LENGTHS[:, None]
RIVALS = {
    "bahdanau": BahdanauAttention(7),
    "general": LuongAttention("general"),
    "concat": LuongAttention("concat"),
}


def kernels(module, query=QUERY):
    """Random weights, larger than the initial ones: {"query/kernel": …}, and the module's variables."""
    shapes = jax.eval_shape(module.init, jax.random.key(0), query, STATES)
    leaves, tree = jax.tree.flatten_with_path(shapes)
    arrays = [normal(10 + i, *leaf.shape) for i, (_, leaf) in enumerate(leaves)]
    names = [jax.tree_util.keystr(path[1:], simple=True, separator="/") for path, _ in leaves]
    return dict(zip(names, arrays, strict=True)), jax.tree.unflatten(tree, arrays)


def by_hand(score, query, states, lengths):
    """Contexts and weights of each query, over the real states only."""
    contexts, weights = np.zeros((*query.shape[:2], states.shape[2])), np.zeros((*query.shape[:2], states.shape[1]))
    for b, q in np.ndindex(query.shape[:2]):
        scores = np.exp([score(query[b, q], states[b, t]) for t in range(lengths[b])])
        weights[b, q, : lengths[b]] = scores / scores.sum()
        for t in range(lengths[b]):
            contexts[b, q] += weights[b, q, t] * states[b, t]
    return contexts, weights


def bahdanau(w):
    return lambda s, h: w["energy/kernel"][:, 0] @ np.tanh(w["query/kernel"].T @ s + w["key/kernel"].T @ h)


def concat(w):
    both = np.concatenate([w["concat/query/kernel"], w["concat/key/kernel"]]).T
    return lambda s, h: w["concat/energy/kernel"][:, 0] @ np.tanh(both @ np.concatenate([s, h]))


def general(w):
    return lambda s, h: s @ w["query/kernel"] @ h


@pytest.mark.parametrize(("name", "score"), [("bahdanau", bahdanau), ("general", general), ("concat", concat)])
def test_scores_are_the_papers(name, score):
    arrays, variables = kernels(RIVALS[name])
    assert_attends(RIVALS[name], variables, score(arrays), QUERY)


def test_luong_s_dot_is_an_inner_product():
    assert_attends(LuongAttention("dot"), {}, np.dot, normal(0, 3, 2, 6))


def assert_attends(module, variables, score, query):
    context, weights = jax.jit(module.apply)(variables, query, STATES, MASK)
    expected_context, expected_weights = by_hand(score, query, STATES, LENGTHS)
    np.testing.assert_allclose(weights, expected_weights, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(context, expected_context, rtol=1e-4, atol=1e-5)
    everything, _ = jax.jit(module.apply)(variables, query, STATES)
    np.testing.assert_allclose(everything, by_hand(score, query, STATES, [5] * 3)[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", RIVALS)
def test_padding_changes_nothing(name):
    module, (_, variables) = RIVALS[name], kernels(RIVALS[name])
    other = np.where(MASK[..., None], STATES, 1e3)
    longer = np.pad(STATES, ((0, 0), (0, 2), (0, 0)), constant_values=7)

    def total(states, mask):
        context, weights = module.apply(variables, QUERY, states, mask)
        return (context * normal(2, *context.shape)).sum(), (context, weights)

    run = jax.jit(jax.grad(total, has_aux=True))
    slope, (context, weights) = run(STATES, MASK)
    for states, mask in ((other, MASK), (longer, np.pad(MASK, ((0, 0), (0, 2))))):
        _, (same, same_weights) = run(states, mask)
        np.testing.assert_allclose(same, context, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(same_weights[..., :5], weights, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(np.asarray(slope)[~MASK], 0)
    assert (np.abs(np.asarray(slope)[MASK]).max(-1) > 1e-4).all()


def test_without_a_real_state_there_is_no_context():
    def total(scores):
        context, weights = attend(scores, STATES, MASK & np.array([[True], [False], [True]]))
        return context.sum(), (context, weights)

    slope, (context, weights) = jax.grad(total, has_aux=True)(normal(2, 3, 2, 5))
    assert not np.asarray(context)[1].any() and not np.asarray(weights)[1].any() and np.isfinite(slope).all()


def test_keys_may_be_computed_before_a_loop():
    module, (_, variables) = RIVALS["bahdanau"], kernels(RIVALS["bahdanau"])
    keys = module.apply(variables, STATES, method="keys")
    at_once, _ = module.apply(variables, QUERY, STATES, MASK)
    steps = [module.apply(variables, QUERY[:, i : i + 1], STATES, MASK, keys)[0] for i in range(2)]
    np.testing.assert_allclose(np.concatenate(steps, 1), at_once, rtol=1e-5, atol=1e-6)
    doubled, _ = module.apply(variables, QUERY, STATES, MASK, 2 * keys)
    assert np.abs(doubled - at_once).max() > 1e-2


def test_weights_are_float32_and_contexts_of_the_states_type():
    context, weights = attend(normal(0, 3, 2, 5).astype(jnp.bfloat16), STATES.astype(jnp.bfloat16), MASK)
    assert (context.dtype, weights.dtype) == (jnp.bfloat16, jnp.float32)
    np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-6)


def test_mistakes_are_told():
    with pytest.raises(ValueError, match="score 'cosine' is none of dot, general and concat"):
        LuongAttention("cosine").init(jax.random.key(0), QUERY, STATES)
    with pytest.raises(AssertionError, match="states has shape"):
        LuongAttention("dot").init(jax.random.key(0), QUERY, STATES)
    with pytest.raises(AssertionError, match="mask has shape"):
        attend(normal(0, 3, 2, 5), STATES, MASK[:, :4])
    with pytest.raises(AssertionError, match="keys has shape"):
        RIVALS["bahdanau"].apply(kernels(RIVALS["bahdanau"])[1], QUERY, STATES, None, STATES)
