"""Networks over trees against recursion over one tree at a time, and against an LSTM on chains."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit

from deeplearn.data import Arrays, Vocabulary
from deeplearn.data.trees import ParseTree, packed
from deeplearn.data.vocabulary import SPECIAL
from deeplearn.nn.tree_lstm import ChildSumTreeLSTM, NaryTreeLSTM, RecursiveNetwork
from tests.nn.layer_checks import normal

INPUTS, FEATURES = 5, 3
MODULES = {
    "recursive": RecursiveNetwork(),
    "child sum": ChildSumTreeLSTM(FEATURES),
    "n-ary": NaryTreeLSTM(FEATURES),
}


def tree(*parents):
    return ParseTree(("",) * (len(parents) + 1), ("",) * (len(parents) + 1), (-1, *parents))


def grown(rng, size, arity):
    """A random tree: each node hangs below any earlier one that has room."""
    parents = []
    for node in range(1, size):
        parents.append(int(rng.choice([p for p in range(node) if parents.count(p) < arity])))
    return tree(*parents)


def shapes(arity):
    """A single node, a chain, as many children as can be, and random trees."""
    rng = np.random.default_rng(arity)
    given = [tree(), tree(*range(10)), tree(*[0] * arity), tree(*[i // arity for i in range(20)])]
    return given + [grown(rng, int(size), arity) for size in rng.integers(2, 22, 6)]


def columns(*splits):
    """{"children": [trees, nodes, arity], "levels": …} of each list of trees, packed together."""
    found = packed({str(n): trees for n, trees in enumerate(splits)}, Vocabulary(SPECIAL, "word"))
    return [Arrays(one) for one in found.values()]


def arrays(split):
    found = split.arrays()
    return found["children"], found["levels"]


def randomised(module, x, children, levels):
    """Variables with random weights and biases."""
    shapes = jax.eval_shape(module.init, jax.random.key(0), x, children, levels)
    generator = np.random.default_rng(1)
    return jax.tree.map(lambda leaf: generator.normal(size=leaf.shape).astype(np.float32), shapes)["params"]


def recursion(name, params, x, tree):
    """h of every node, [nodes, features], by recursion over one tree, gate by gate as the papers write it."""
    states = {}

    def recursive(j):
        below = [recursive(k) for k in tree.children[j]]
        if not below:
            return x[j], None
        width = x.shape[1]
        total = params["bias"]
        for k, (h, _) in enumerate(below):
            total = total + h @ params["kernel"][k * width : (k + 1) * width]
        return np.tanh(total), None

    def gate(number, j):
        part = slice(number * FEATURES, (number + 1) * FEATURES)
        return x[j] @ params["input"]["kernel"][:, part] + params["input"]["bias"][part]

    def lstm(j, below, i, o, u, forget):
        c = expit(i) * np.tanh(u)
        for (_, cell), f in zip(below, forget, strict=True):
            c = c + expit(f) * cell
        return expit(o) * np.tanh(c), c

    def child_sum(j):
        below = [visit(k) for k in tree.children[j]]
        total = sum((h for h, _ in below), np.zeros(FEATURES))
        blocks = [params["kernel"][:, n * FEATURES : (n + 1) * FEATURES] for n in range(3)]
        i, o, u = (gate(n, j) + total @ block for n, block in enumerate(blocks))
        return lstm(j, below, i, o, u, [gate(3, j) + h @ params["forget_kernel"] for h, _ in below])

    def n_ary(j):
        below = [visit(k) for k in tree.children[j]]

        def read(column):
            return sum(
                h @ params["kernel"][place * FEATURES :][:FEATURES, column * FEATURES :][:, :FEATURES]
                for place, (h, _) in enumerate(below)
            )

        i, o, u = (gate(n, j) + read(n) for n in range(3))
        return lstm(j, below, i, o, u, [gate(3, j) + read(3 + k) for k in range(len(below))])

    def visit(j):
        if j not in states:
            states[j] = {"recursive": recursive, "child sum": child_sum, "n-ary": n_ary}[name](j)
        return states[j]

    return np.stack([visit(j)[0] for j in range(len(tree))])


@pytest.mark.parametrize("arity", [2, 5])
@pytest.mark.parametrize("name", MODULES)
def test_states_and_gradients_are_those_of_the_recursion(name, arity):
    """Gradients are its finite differences in float64, in each leaf along random directions."""
    module, trees = MODULES[name], shapes(arity)
    (split,) = columns(trees)
    children, levels = arrays(split)
    x = normal(2, *children.shape[:2], INPUTS)
    params = randomised(module, x, children, levels)
    g = normal(3, *children.shape[:2], INPUTS if name == "recursive" else FEATURES)
    g *= (np.arange(children.shape[1]) < split.arrays()["length"][:, None])[..., None]  # padding means nothing

    def batched(args):
        h = module.apply({"params": args[0]}, args[1], children, levels)
        return (h * g).sum(), h

    def one_at_a_time(args):
        return [recursion(name, args[0], args[1][n], one) for n, one in enumerate(trees)]

    (_, h), found = jax.jit(jax.value_and_grad(batched, has_aux=True))((params, x))
    exact = jax.tree.map(lambda leaf: leaf.astype(np.float64), (params, x))
    for n, expected in enumerate(one_at_a_time(exact)):
        np.testing.assert_allclose(h[n, : len(expected)], expected, rtol=1e-4, atol=1e-5)

    leaves, treedef = jax.tree.flatten(exact)
    rng = np.random.default_rng(4)
    for number, slope in enumerate(jax.tree.leaves(found)):
        for towards in rng.normal(size=(4, *slope.shape)):

            def moved(step, number=number, towards=towards):
                there = [leaf + step * towards if n == number else leaf for n, leaf in enumerate(leaves)]
                states = one_at_a_time(jax.tree.unflatten(treedef, there))
                return sum((h * g[n, : len(h)]).sum() for n, h in enumerate(states))

            expected = (moved(1e-5) - moved(-1e-5)) / 2e-5
            scale = np.linalg.norm(slope)
            assert scale > 0.1
            assert (np.asarray(slope) * towards).sum() / scale == pytest.approx(expected / scale, abs=2e-3)


@pytest.mark.parametrize("name", ["child sum", "n-ary"])
def test_on_a_chain_it_is_flax_s_lstm(name):
    """Tai et al. 2015, section 3: on a chain both are the ordinary LSTM, which reads from the leaf to the root."""
    module, length = MODULES[name], 7
    children, levels = arrays(columns([tree(*range(length - 1))])[0])
    x = normal(2, 1, length, INPUTS)
    params = randomised(module, x, children, levels)
    kernel = params["kernel"]
    if name == "child sum":
        kernel = np.concatenate([kernel, params["forget_kernel"]], 1)
    column = {"i": 0, "o": 1, "g": 2, "f": 3}

    def part(array, gate):
        return array[..., column[gate] * FEATURES : (column[gate] + 1) * FEATURES]

    cell = {f"i{gate}": {"kernel": part(params["input"]["kernel"], gate)} for gate in column}
    cell |= {
        f"h{gate}": {"kernel": part(kernel[:FEATURES], gate), "bias": part(params["input"]["bias"], gate)}
        for gate in column
    }
    expected = nn.RNN(nn.LSTMCell(FEATURES)).apply({"params": {"cell": cell}}, x[:, ::-1])
    found = module.apply({"params": params}, x, children, levels)
    np.testing.assert_allclose(found, expected[:, ::-1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", MODULES)
def test_padding_and_neighbours_change_nothing(name):
    """Alone at its own size, and among larger trees with other numbers at the padding."""
    module, trees = MODULES[name], [tree(), tree(0, 0), *shapes(2)]
    (split,) = columns(trees)
    children, levels = arrays(split)
    x = normal(2, *children.shape[:2], INPUTS)
    params = randomised(module, x, children, levels)

    def roots(params, x):
        h = module.apply({"params": params}, x, children, levels)
        return h[:, 0].sum(), h

    (_, h), slopes = jax.jit(jax.value_and_grad(roots, 1, has_aux=True))(params, x)
    for n, one in enumerate(trees):
        assert not np.asarray(slopes[n, len(one) :]).any()
    for n, one in enumerate(trees[:2]):
        alone = jax.jit(module.apply)({"params": params}, x[n : n + 1, : len(one)], *arrays(columns([one])[0]))
        np.testing.assert_allclose(h[n, : len(one)], alone[0], rtol=1e-5, atol=1e-6)


def test_one_compilation_a_bucket():
    rng = np.random.default_rng(0)
    trees = [grown(rng, int(size), 2) for size in rng.integers(21, 41, 40)] + [tree(*range(79))]
    (split,) = columns(trees)
    traced = []

    @jax.jit
    def apply(params, x, children, levels):
        traced.append(x.shape)
        return MODULES["n-ary"].apply({"params": params}, x, children, levels)

    batches = [split.gather(np.arange(start, start + 4)) for start in range(0, 40, 4)]
    sizes = {batch["length"].max() for batch in batches}
    x = normal(2, 4, 40, INPUTS)
    params = randomised(MODULES["n-ary"], x, batches[0]["children"], batches[0]["levels"])
    for batch in batches:
        apply(params, x, batch["children"], batch["levels"])
    assert len(sizes) > 1 and len(traced) == 1


@pytest.mark.parametrize("name", MODULES)
def test_it_computes_in_the_type_it_is_given(name):
    children, levels = arrays(columns(shapes(2))[0])
    x = normal(2, *children.shape[:2], INPUTS)
    params = randomised(MODULES[name], x, children, levels)
    h = MODULES[name].clone(dtype=jnp.bfloat16).apply({"params": params}, x, children, levels)
    assert h.dtype == jnp.bfloat16 and h.astype(jnp.float32).any()


def test_shapes_are_checked():
    children, levels = arrays(columns(shapes(2))[0])
    x = normal(2, *children.shape[:2], INPUTS)
    for module in MODULES.values():
        with pytest.raises(AssertionError, match="children has shape"):
            module.init(jax.random.key(0), x[:, 1:], children, levels)
        with pytest.raises(AssertionError, match="levels is of type float32"):
            module.init(jax.random.key(0), x, children, levels.astype(np.float32))
