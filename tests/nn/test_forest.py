"""A function of every inner node of a batch, and its gradient, against the same by repetition over all nodes."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from deeplearn.data import Arrays, Vocabulary
from deeplearn.data.trees import ParseTree, packed
from deeplearn.data.vocabulary import SPECIAL
from deeplearn.nn.forest import CHUNK, Row, climb

ARITY, SIZE = 3, 2


def grown(rng, size):
    parents = [-1]
    for node in range(1, size):
        parents.append(int(rng.choice([p for p in range(node) if parents.count(p) < ARITY])))
    return ParseTree(("",) * size, ("",) * size, tuple(parents))


def forest(seed, trees=50):
    """More trees than CHUNK, so that levels take several turns, of 1 to 12 nodes; the last is a chain."""
    rng = np.random.default_rng(seed)
    chain = ParseTree(("",) * 12, ("",) * 12, (-1, *range(11)))
    many = [grown(rng, int(size)) for size in rng.integers(1, 12, trees - 2)]
    star = ParseTree(("",) * 4, ("",) * 4, (-1, 0, 0, 0))
    found = Arrays(packed({"all": [*many, star, chain]}, Vocabulary(SPECIAL, "word"))["all"]).arrays()
    leaves, inputs = (rng.normal(size=(*found["children"].shape[:2], n)).astype(np.float32) for n in (SIZE, 4))
    weights = rng.normal(size=(4 + ARITY * SIZE, SIZE)).astype(np.float32)
    return weights, leaves, inputs, found["children"], found["levels"]


def node(weights, inputs, below):
    joined = below.reshape(*below.shape[:-2], -1)
    return jnp.tanh(jnp.concatenate([inputs, joined], -1) @ weights)


def repeated(weights, leaves, inputs, children, levels):
    """All nodes at once, again and again until the root of the chain is right."""
    inner = (children >= 0).any(-1)[..., None]
    states = leaves
    for _ in range(12):
        below = jax.vmap(lambda states, children: states[children])(states, jnp.maximum(children, 0))
        states = jnp.where(inner, node(weights, inputs, jnp.where(children[..., None] < 0, 0, below)), leaves)
    return states


def measured(function, weights, leaves, inputs, children, levels):
    """The states of all nodes that trees have, and the slopes of a sum of them with random factors."""
    factors = np.random.default_rng(9).normal(size=leaves.shape).astype(np.float32)

    def total(weights, leaves, inputs):
        states = function(weights, leaves, inputs, children, levels)
        return (states * factors).sum(), states

    (_, states), slopes = jax.jit(jax.value_and_grad(total, (0, 1, 2), has_aux=True))(weights, leaves, inputs)
    return states, *slopes


def test_states_and_slopes_are_those_of_the_repetition():
    arguments = forest(0)
    assert (arguments[-1][:, 0] >= 0).sum() > CHUNK  # inner nodes of the first level
    for found, expected in zip(
        measured(functools.partial(climb, node), *arguments), measured(repeated, *arguments), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_forests_side_by_side_are_each_as_alone():
    both = [forest(seed) for seed in (1, 2)]
    height = max(arguments[-1].shape[1] for arguments in both)
    both = [
        (*a[:-1], np.pad(a[-1], ((0, 0), (0, height - a[-1].shape[1]), (0, 0)), constant_values=-1)) for a in both
    ]
    stacked = [np.stack(parts) for parts in zip(*both, strict=True)]
    alone = [measured(functools.partial(climb, node), *arguments) for arguments in both]
    together = jax.vmap(functools.partial(measured, functools.partial(climb, node)))(*stacked)
    for place in (0, 1):
        for found, expected in zip(together, alone[place], strict=True):
            np.testing.assert_allclose(found[place], expected, rtol=1e-5, atol=1e-6)


def test_the_row_has_each_inner_node_once_and_no_chunk_a_node_with_its_child():
    _, _, _, children, levels = forest(3)
    row = Row.of(jnp.asarray(children), jnp.asarray(levels))
    batch, nodes, _ = children.shape
    flat, total = np.asarray(row.node), int(row.ends[-1])
    assert sorted(flat[:total]) == np.flatnonzero((children >= 0).any(-1)).tolist()
    assert (flat[total:] == batch * nodes).all()
    start = 0
    while start < total:
        end = int(row.after(jnp.asarray(start)))
        assert start < end <= start + CHUNK
        assert not set(flat[start:end]) & set(np.asarray(row.children[start:end]).ravel())
        start = end
