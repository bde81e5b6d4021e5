"""CTC's loss against torch's, and against a sum over all alignments."""

import itertools
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from deeplearn.losses import ctc as module

with np.load(Path(__file__).parents[1] / "golden" / "ctc.npz") as file:
    GOLDEN = dict(file)
ctc, ctc_each, alignable = map(jax.jit, (module.ctc, module.ctc_each, module.alignable))
ARGUMENTS = tuple(GOLDEN[name] for name in ("logits", "steps", "tokens", "lengths"))


def spells(alignment, blank=0):
    """What an alignment says: neighbours that are equal are one, then blanks fall out."""
    return tuple(symbol for symbol, _ in itertools.groupby(alignment) if symbol != blank)


def test_values_and_gradients_are_those_of_torch():
    fits = np.asarray(alignable(*ARGUMENTS[1:]))
    assert fits.tolist() == [True] * 5 + [False]  # [1, 1, 2] needs four steps and has three
    np.testing.assert_allclose(np.asarray(ctc_each(*ARGUMENTS))[fits], GOLDEN["loss"][fits], rtol=1e-5)
    slope = jax.jit(jax.grad(lambda logits: ctc(logits, *ARGUMENTS[1:]).total))(ARGUMENTS[0])
    np.testing.assert_allclose(slope, GOLDEN["gradient"], atol=1e-5)


def test_it_is_the_sum_over_all_alignments():
    rng = np.random.default_rng(1)
    log_probs = np.asarray(jax.nn.log_softmax(rng.normal(size=(4, 3)) * 2))
    totals = {}
    for alignment in itertools.product(range(3), repeat=4):
        one = np.exp(sum(log_probs[step, symbol] for step, symbol in enumerate(alignment)))
        totals[spells(alignment)] = totals.get(spells(alignment), 0) + one
    for labels, total in totals.items():
        tokens = np.zeros((1, 4), np.int32)
        tokens[0, : len(labels)] = labels
        loss = ctc_each(log_probs[None], np.array([4]), tokens, np.array([len(labels)]))
        np.testing.assert_allclose(loss, -np.log(total), rtol=1e-5)
    assert abs(sum(totals.values()) - 1) < 1e-6


def test_a_mean_over_tokens_that_padding_does_not_change():
    logits, steps, tokens, lengths = ARGUMENTS
    mean = ctc(*ARGUMENTS)
    assert float(mean.weight) == lengths[:5].sum()
    np.testing.assert_allclose(mean.total, GOLDEN["loss"][:5].sum(), rtol=1e-5)
    wider = jnp.pad(logits, ((0, 0), (0, 5), (0, 0)), constant_values=7.0)
    more = jnp.pad(tokens, ((0, 0), (0, 3)), constant_values=4)
    np.testing.assert_allclose(ctc(wider, steps, more, lengths).total, mean.total, rtol=1e-6)
