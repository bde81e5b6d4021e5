"""Decoding against brute force: all sequences of tiny models, plain loops over lists, and counted frequencies."""

import functools
import itertools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import chi2

from deeplearn.nn.decoding import PAD, beam_search, draw, kept, length_penalty, sample
from deeplearn.nn.transformer import Decoder

VOCABULARY, END, STEPS = 4, 3, 4
RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(VOCABULARY, VOCABULARY)).astype(np.float32)
MIX = RNG.normal(size=(VOCABULARY, VOCABULARY)).astype(np.float32)


def step(state, tokens):
    """Logits that depend on all tokens so far and on their number; one array by rows, and one scalar."""
    seen = 0.5 * state["seen"] + jax.nn.one_hot(tokens, VOCABULARY)
    logits = jnp.asarray(TABLE)[tokens] + seen @ MIX + 0.3 * jnp.sin(state["index"] + jnp.arange(VOCABULARY))
    return 2 * logits, {"seen": seen, "index": state["index"] + 1}


def start(batch):
    return {"seen": jnp.asarray(RNG.normal(size=(batch, VOCABULARY)), jnp.float32), "index": jnp.array(0)}


def row(state, number):
    return {"seen": state["seen"][number : number + 1], "index": state["index"]}


def after(state, tokens):
    """(log-probabilities [vocabulary] after these tokens, state) of a state of one row, by numpy."""
    seen, index = np.asarray(state["seen"][0]), int(state["index"])
    for token in tokens:
        seen = 0.5 * seen + np.eye(VOCABULARY)[token]
        logits = 2 * (TABLE[token] + seen @ MIX + 0.3 * np.sin(index + np.arange(VOCABULARY)))
        index += 1
    return logits - np.log(np.exp(logits).sum()), {"seen": seen[None], "index": index}


def ends(sequence, steps):
    return len(sequence) == steps or sequence[-1:] == (END,)


def all_scores(state, first, alpha):
    """{sequence: score} of all that end within STEPS."""
    scores, open_ones = {}, [((), 0.0, state, first)]
    while open_ones:
        sequence, total, state, last = open_ones.pop()
        log_probabilities, state = after(state, [last])
        for token, log_probability in enumerate(log_probabilities):
            longer, sum_ = (*sequence, token), total + log_probability
            if ends(longer, STEPS):
                scores[longer] = sum_ / ((5 + len(longer)) / 6) ** alpha
            else:
                open_ones.append((longer, sum_, state, token))
    return scores


def narrow(state, first, beams, alpha):
    """The best sequences that end, and their scores, by a beam search over lists that goes on to the last step."""
    alive, ended = [((), 0.0, state, first)], []
    for _ in range(STEPS):
        longer = []
        for sequence, total, state, last in alive:
            log_probabilities, state = after(state, [last])
            longer += [((*sequence, t), total + lp, state, t) for t, lp in enumerate(log_probabilities)]
        ended += [(s, total / ((5 + len(s)) / 6) ** alpha) for s, total, *_ in longer if ends(s, STEPS)]
        alive = sorted((one for one in longer if not ends(one[0], STEPS)), key=lambda one: -one[1])[:beams]
    return sorted(ended, key=lambda one: -one[1])[:beams]


def padded(sequence, steps=STEPS):
    return [*sequence, *[PAD] * (steps - len(sequence))]


@pytest.mark.parametrize("alpha", [0.0, 0.6, 2.0])
def test_a_beam_that_is_wide_enough_finds_all_sequences_in_the_order_of_their_scores(alpha):
    state, tokens = start(3), jnp.array([0, 1, 2])
    # Before the last step there are 3³ sequences that have not ended, and 3 · (1 + 3 + 9 + 27) + 1 in all.
    found, scores = beam_search(step, state, tokens, steps=STEPS, end=END, beams=125, alpha=alpha)
    for number in range(3):
        wanted = all_scores(row(state, number), int(tokens[number]), alpha)
        best = sorted(wanted, key=wanted.get, reverse=True)
        assert len(best) == 121
        np.testing.assert_allclose(scores[number, :121], [wanted[one] for one in best], rtol=1e-5)
        assert np.isneginf(scores[number, 121:]).all()
        assert found[number, :10].tolist() == [padded(one) for one in best[:10]]


@pytest.mark.parametrize("beams", [1, 2, 3])
@pytest.mark.parametrize("alpha", [0.0, 3.0])
def test_a_narrow_beam_finds_what_a_search_over_lists_finds(beams, alpha):
    state, tokens = start(6), jnp.array([0, 1, 2, 0, 1, 2])
    found, scores = beam_search(step, state, tokens, steps=STEPS, end=END, beams=beams, alpha=alpha)
    for number in range(6):
        wanted = narrow(row(state, number), int(tokens[number]), beams, alpha)
        np.testing.assert_allclose(scores[number], [score for _, score in wanted], rtol=1e-5)
        assert found[number].tolist() == [padded(sequence) for sequence, _ in wanted]


def test_beams_keep_their_caches():
    model, embed = Decoder(depth=1, heads=2, hidden=8, rotary=True, length=8), RNG.normal(size=(VOCABULARY, 8))
    x = jnp.asarray(embed, jnp.float32)
    variables = jax.jit(model.init, static_argnums=2)(jax.random.key(0), x[None], False)
    first = functools.partial(model.apply, variables, train=False, decode=True, mutable=["cache"])
    cache = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), jax.eval_shape(first, x[:2, None])[1])

    def cached(cache, tokens):
        y, cache = model.apply(variables | cache, x[tokens][:, None], False, decode=True, mutable=["cache"])
        return 3 * y[:, 0, :VOCABULARY], cache

    options = {"steps": 5, "end": END, "beams": 3, "alpha": 0.0}
    found, scores = jax.jit(functools.partial(beam_search, cached, **options))(cache, jnp.array([0, 1]))
    whole = np.concatenate([np.repeat([[0], [1]], 3, axis=0), np.asarray(found).reshape(6, 5)], axis=1)
    logits = 3 * jax.jit(model.apply, static_argnums=2)(variables, x[whole], False)[..., :VOCABULARY]
    each = np.take_along_axis(np.asarray(jax.nn.log_softmax(logits[:, :-1])), whole[:, 1:, None], 2)[..., 0]
    counted = np.cumsum(whole[:, 1:] == END, axis=1) - (whole[:, 1:] == END) == 0  # up to and with the first end
    np.testing.assert_allclose(scores.reshape(-1), (each * counted).sum(1), rtol=1e-4)


def test_the_length_penalty_is_that_of_the_paper():
    assert length_penalty(1, 0.7) == 1
    assert length_penalty(13, 0.5) == pytest.approx(3**0.5)


@pytest.mark.parametrize("top_k, top_p", [(0, 0.5), (0, 0.9), (3, 1.0), (5, 0.8), (1, 0.9), (0, 0.0), (99, 1.0)])
def test_what_may_be_drawn_is_the_smallest_set_that_is_probable_enough(top_k, top_p):
    logits = RNG.normal(size=(20, 9)).astype(np.float32) * 2
    logits[0] = 1.0  # all alike: exactly as many as are needed are kept
    for kept_, one in zip(np.asarray(kept(jnp.asarray(logits), top_k, top_p)), logits, strict=True):
        order = np.argsort(-one, kind="stable")[: top_k or None]
        probabilities = np.exp(one[order]) / np.exp(one[order]).sum()
        sizes = [n for n in range(1, len(order) + 1) if probabilities[:n].sum() >= top_p - 1e-6]
        assert set(np.flatnonzero(kept_)) == set(order[: sizes[0] if top_p < 1 else len(order)])


def unlikely(counts, probabilities):
    """Whether Pearson's statistic is beyond what happens once in ten thousand times."""
    counts, expected = np.asarray(counts, float), np.asarray(probabilities) * np.sum(counts)
    assert not counts[expected == 0].any()
    some = expected > 0
    statistic = np.square(counts - expected)[some] / expected[some]
    return statistic.sum() > chi2.isf(1e-4, some.sum() - 1)


@pytest.mark.parametrize("temperature, top_k, top_p", [(1.0, 0, 1.0), (0.5, 0, 1.0), (2.0, 3, 1.0), (0.8, 4, 0.9)])
def test_tokens_are_drawn_as_often_as_they_are_probable(temperature, top_k, top_p):
    logits = np.array([0.1, 1.0, -1.0, 0.5, 2.0, -3.0], np.float32)
    weights = np.exp(logits / temperature)
    weights[np.argsort(-logits)[top_k or 6 :]] = 0
    order = np.argsort(-weights)
    shares = (weights / weights.sum())[order]
    weights[order[np.cumsum(shares) - shares >= top_p]] = 0
    drawn = draw(jax.random.key(1), jnp.tile(logits, (20_000, 1)), temperature, top_k, top_p)
    counts = np.bincount(drawn, minlength=6)
    assert not unlikely(counts, weights / weights.sum())
    assert unlikely(counts, np.full(6, 1 / 6))


def test_sequences_are_sampled_as_often_as_they_are_probable():
    state, count = start(1), 4000
    many = {"seen": jnp.repeat(state["seen"], count, 0), "index": state["index"]}
    found = sample(step, many, jnp.ones(count, int), jax.random.key(0), steps=2, end=END)
    probabilities, counts = [], []
    for first, second in itertools.product(range(VOCABULARY), repeat=2):
        if first == END and second != PAD:
            continue
        log_probabilities, middle = after(state, [1])
        total = log_probabilities[first] + (0 if first == END else after(middle, [first])[0][second])
        probabilities.append(np.exp(total))
        counts.append(int((found == jnp.array([first, second])).all(1).sum()))
    assert sum(counts) == count
    assert not unlikely(counts, probabilities)


def test_greedy_takes_the_most_probable_token_and_stops_at_the_end():
    state, steps = start(4), []

    def counted(state, tokens):
        jax.debug.callback(lambda: steps.append(1))
        return step(state, tokens)

    tokens = jnp.array([0, 1, 2, 0])
    found = np.asarray(sample(counted, state, tokens, jax.random.key(0), steps=30, end=END, temperature=0))
    jax.effects_barrier()
    lengths = []
    for number in range(4):
        one, last, wanted = row(state, number), int(tokens[number]), []
        while len(wanted) < 30 and wanted[-1:] != [END]:
            log_probabilities, one = after(one, [last])
            last = int(log_probabilities.argmax())
            wanted.append(last)
        lengths.append(len(wanted))
        assert found[number].tolist() == padded(wanted, 30)
    assert len(set(lengths)) > 1 and len(steps) == max(lengths)


def test_prompts_of_unequal_lengths_go_on_as_each_alone():
    state, prompts, lengths = start(3), jnp.array([[0, 1, 2], [1, 0, 0], [2, 2, 0]]), jnp.array([3, 1, 2])
    options = {"steps": 5, "end": END, "temperature": 0}
    found = sample(step, state, prompts, jax.random.key(0), lengths=lengths, **options)
    for number, length in enumerate(lengths.tolist()):
        alone = sample(
            step, row(state, number), prompts[number : number + 1, :length], jax.random.key(0), **options
        )
        assert found[number].tolist() == alone[0].tolist()
        # A state that has seen the prompt before goes on in the same way.
        _, one = (
            after(row(state, number), prompts[number, : length - 1].tolist())
            if length > 1
            else (
                None,
                row(state, number),
            )
        )
        again = sample(step, one, prompts[number : number + 1, length - 1], jax.random.key(0), **options)
        assert again[0].tolist() == alone[0].tolist()


def test_a_bound_module_is_taken_apart_to_be_decoded():
    class Net(nn.Module):
        @nn.compact
        def __call__(self, tokens):
            return nn.Dense(VOCABULARY)(jax.nn.one_hot(tokens, VOCABULARY))

    def go_on(net, tokens, key):
        net, variables = net.unbind()
        return sample(lambda _, last: (net.apply(variables, last), ()), (), tokens, key, steps=3, end=END)

    net = Net()
    variables = net.init(jax.random.key(0), jnp.array([0]))
    found = jax.jit(lambda *at: net.apply(variables, *at, method=go_on))(jnp.array([0, 1]), jax.random.key(0))
    assert found.shape == (2, 3)
