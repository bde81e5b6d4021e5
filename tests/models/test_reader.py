"""Networks that read a sequence: what they see, and how many weights a paper's tree-LSTM has."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.models.reader import Reader, WindowReader
from deeplearn.models.tree_reader import TreeReader
from deeplearn.nn.cells import LSTMCell

X = np.random.default_rng(0).normal(size=(3, 7, 2)).astype(np.float32)
LENGTHS = jnp.array([7, 3, 1])


@pytest.mark.parametrize("network", [Reader(LSTMCell, 4, 5), WindowReader(3, 4, 5)])
def test_the_answer_is_the_one_after_a_sequence_s_own_end(network):
    params = network.init(jax.random.key(0), X)
    each = network.clone(each_step=True)
    found, steps = network.apply(params, X, LENGTHS), each.apply(params, X)
    assert found.shape == (3, 5) and steps.shape == (3, 7, 5)
    np.testing.assert_allclose(found, steps[np.arange(3), np.asarray(LENGTHS) - 1], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(network.apply(params, X), steps[:, -1], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(network.apply(params, X[1:2, :3]), found[1:2], rtol=1e-5, atol=1e-6)


def test_a_window_is_all_that_a_feed_forward_network_sees():
    network = WindowReader(3, 8, 1, each_step=True)
    params = network.init(jax.random.key(0), X)
    slopes = jax.jacobian(lambda x: network.apply(params, x[None])[0, :, 0])(jnp.asarray(X[0]))
    seen = np.abs(slopes).sum(-1) > 0  # [answer, step]
    np.testing.assert_array_equal(seen, np.tril(np.ones((7, 7), bool)) & ~np.tril(np.ones((7, 7), bool), -3))


def test_a_tree_lstm_of_the_paper_s_size_has_its_weights():
    """Tai et al. 2015, table 1, sentiment: 315,840 of the dependency tree-LSTM with 168 units on 300 inputs.

    Their matrices of words and of children each have a bias, ours have one for both.
    """
    batch = {
        "tokens": jnp.zeros((1, 3), jnp.int32),
        "children": jnp.array([[[1, 2], [-1, -1], [-1, -1]]]),
        "levels": jnp.array([[[0]]]),
    }
    model = TreeReader("child_sum", 10, 5, 300, 168)
    params = jax.eval_shape(model.init, jax.random.key(0), batch)["params"]["ChildSumTreeLSTM_0"]
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == 315_840 - 4 * 168
