"""Greedy decoding and prefix beam search against all alignments and all labellings of tiny sequences."""

import itertools

import jax
import numpy as np
import pytest

from deeplearn.nn import ctc
from tests.losses.test_ctc import spells

greedy = jax.jit(ctc.greedy, static_argnames="blank")
prefix_beam = jax.jit(ctc.prefix_beam, static_argnames=("beam", "longest", "blank"))


def probabilities(rng, steps, symbols, blank):
    """Log-probabilities [steps, symbols], and {labelling: probability} by summing over all alignments."""
    log_probs = np.asarray(jax.nn.log_softmax(1.5 * rng.normal(size=(steps, symbols))))
    totals = {}
    for alignment in itertools.product(range(symbols), repeat=steps):
        one = np.exp(log_probs[np.arange(steps), alignment].sum())
        totals[spells(alignment, blank)] = totals.get(spells(alignment, blank), 0) + one
    return log_probs, totals


def labelling(tokens, length):
    return tuple(np.asarray(tokens)[: int(length)].tolist())


@pytest.mark.parametrize("blank", [0, 2])
def test_a_wide_beam_finds_the_most_probable_labelling(blank):
    rng = np.random.default_rng(0)
    differs = 0
    cases = [probabilities(rng, 5, 3, blank) for _ in range(40)]
    log_probs = np.stack([one for one, _ in cases])
    tokens, lengths, found = prefix_beam(log_probs, np.full(40, 5), beam=63, blank=blank)
    path, path_lengths = greedy(log_probs, np.full(40, 5), blank=blank)
    for row, (_, totals) in enumerate(cases):
        best = max(totals, key=totals.get)
        assert labelling(tokens[row], lengths[row]) == best
        np.testing.assert_allclose(np.exp(found[row]), totals[best], rtol=1e-4)
        assert labelling(path[row], path_lengths[row]) == spells(log_probs[row].argmax(-1).tolist(), blank)
        differs += labelling(path[row], path_lengths[row]) != best
    assert differs > 3  # the best path does not say the most probable labelling


def test_a_narrow_beam_gives_a_lower_bound():
    rng = np.random.default_rng(1)
    cases = [probabilities(rng, 6, 3, 0) for _ in range(20)]
    log_probs = np.stack([one for one, _ in cases])
    tokens, lengths, found = prefix_beam(log_probs, np.full(20, 6), beam=3)
    for row, (_, totals) in enumerate(cases):
        true = totals[labelling(tokens[row], lengths[row])]
        assert np.exp(found[row]) <= true * 1.0001
        assert true >= 0.5 * max(totals.values())


def test_what_lies_beyond_the_steps_does_not_matter():
    rng = np.random.default_rng(2)
    log_probs, totals = probabilities(rng, 4, 3, 0)
    padded = np.stack([np.concatenate([log_probs, np.log(rng.dirichlet(np.ones(3), 3))])] * 2)
    padded[1, 4:] = np.nan
    for tokens, lengths in (greedy(padded, np.array([4, 4])), prefix_beam(padded, np.array([4, 4]), beam=31)[:2]):
        assert labelling(tokens[0], lengths[0]) == labelling(tokens[1], lengths[1])
        assert not np.asarray(tokens)[:, int(lengths[0]) :].any()
    assert labelling(tokens[0], lengths[0]) == max(totals, key=totals.get)


def test_no_steps_say_nothing_and_longest_is_a_limit():
    log_probs = np.log(np.full((1, 4, 3), 1 / 3))
    assert int(prefix_beam(log_probs, np.array([0]))[1][0]) == 0
    assert int(greedy(log_probs, np.array([0]))[1][0]) == 0
    sure = np.log(np.eye(3)[[1, 2, 1, 2]] * 0.97 + 0.01)[None]
    tokens, lengths, _ = prefix_beam(sure, np.array([4]), beam=8, longest=2)
    assert tokens.shape == (1, 2) and int(lengths[0]) == 2
