"""The golden folders of tiny text encoders (tests/golden/text_encoders.py), each opened and run once."""

import functools
from pathlib import Path

import jax
import numpy as np

from deeplearn.weights.transformers_folder import read_network

FOLDERS = Path(__file__).parents[1] / "golden" / "text_encoders"
CLOSE = 2e-5  # of states of about 1; the library's own differ by as much between versions of torch


@functools.cache
def golden(name):
    """(module, variables, what transformers gave)."""
    network = read_network(FOLDERS / name)
    with np.load(FOLDERS / name / "expected.npz") as arrays:
        return network.module, network.variables, dict(arrays)


@functools.cache
def compiled(name):
    module, variables, _ = golden(name)
    return jax.jit(lambda tokens, lengths: module.apply(variables, tokens, lengths))


def states(name, tokens=None, lengths=None):
    """Ours, of the golden tokens unless others are given."""
    _, _, expected = golden(name)
    tokens = expected["tokens"] if tokens is None else tokens
    return np.asarray(compiled(name)(tokens, expected["lengths"] if lengths is None else lengths))


def inside(name):
    expected = golden(name)[2]
    return np.arange(expected["tokens"].shape[1]) < expected["lengths"][:, None]


def assert_parity(name):
    """Hidden states are those of transformers, and 0 beyond the lengths."""
    expected, found = golden(name)[2]["hidden"], states(name)
    within = inside(name)
    np.testing.assert_allclose(found[within], expected[within], atol=CLOSE, rtol=CLOSE)
    assert (found[~within] == 0).all()


def assert_padding_means_nothing(name, other=7):
    """Neither which tokens stand there, nor how many."""
    tokens = golden(name)[2]["tokens"]
    changed = np.where(inside(name), tokens, other)
    np.testing.assert_allclose(states(name, changed), states(name), atol=1e-6)
    alone = states(
        name, np.resize(tokens[1:2, :], tokens.shape), np.full(len(tokens), golden(name)[2]["lengths"][1])
    )
    np.testing.assert_allclose(alone[0], states(name)[1], atol=1e-6)


def seen_from(name, place):
    """At which places of the longest text the state changes if the token at `place` does, bool [time]."""
    tokens = golden(name)[2]["tokens"]
    changed = tokens.copy()
    changed[0, place] = 36 - changed[0, place] % 30
    return (np.abs(states(name, changed)[0] - states(name)[0]) > 1e-6).any(-1)


def parameter_count(module, method=None):
    tokens, lengths = np.zeros((1, 2), np.int32), np.ones(1, np.int32)
    shapes = jax.eval_shape(lambda: module.init(jax.random.key(0), tokens, lengths, method=method))
    return sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(shapes))
