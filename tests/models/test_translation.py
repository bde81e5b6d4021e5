"""Translators: step by step as at once, blind to padding and to the future, by hand, and of the papers' sizes."""

import functools

import jax
import numpy as np
import pytest

from deeplearn.models.translation import RecurrentTranslator, Transformer, translate

COUNT, BEGIN, END = 11, 2, 3
MODELS = {kind: RecurrentTranslator(kind, COUNT, 4, 6, 5) for kind in ("fixed", "bahdanau", "luong")}
MODELS["transformer"] = Transformer(COUNT, 8, 12, 1, 2, length=9)
RNG = np.random.default_rng(0)
LENGTHS = np.array([7, 3, 1], np.int32)
SOURCE = RNG.integers(4, COUNT, (3, 7)).astype(np.int32) * (np.arange(7) < LENGTHS[:, None])
TARGET = np.concatenate([np.full((3, 1), BEGIN), RNG.integers(4, COUNT, (3, 5))], 1).astype(np.int32)
every_model = pytest.mark.parametrize("name", MODELS)


@functools.cache
def variables(name):
    """Weights twice as large as the initial ones, so that differences show."""
    init = jax.jit(MODELS[name].init)({"params": jax.random.key(1)}, SOURCE, LENGTHS, TARGET)
    assert set(init) == {"params"}
    return jax.tree.map(lambda x: 2 * x, init)


@functools.cache
def program(name, method):
    return jax.jit(functools.partial(MODELS[name].apply, method=method))


def logits(name, source=SOURCE, lengths=LENGTHS, target=TARGET):
    return np.asarray(program(name, "__call__")(variables(name), source, lengths, target))


@every_model
def test_step_by_step_the_logits_are_those_of_all_at_once(name):
    state = program(name, "start")(variables(name), SOURCE, LENGTHS)
    for time in range(TARGET.shape[1]):
        found, state = program(name, "step")(variables(name), state, TARGET[:, time])
        np.testing.assert_allclose(found, logits(name)[:, time], atol=2e-5)


@every_model
def test_what_padding_holds_and_how_wide_it_is_does_not_matter(name):
    noise = np.where(np.arange(7) < LENGTHS[:, None], SOURCE, 9).astype(np.int32)
    np.testing.assert_allclose(logits(name, noise), logits(name), atol=1e-6)
    np.testing.assert_allclose(logits(name, np.pad(noise, ((0, 0), (0, 3)))), logits(name), atol=1e-5)


@every_model
def test_every_token_of_the_source_matters_and_none_of_the_target_s_future(name):
    before = logits(name)
    for place in range(7):
        other = SOURCE.copy()
        other[0, place] = 4 + (other[0, place] - 3) % 7
        assert np.abs(logits(name, other)[0] - before[0]).max() > 1e-4
    later = TARGET.copy()
    later[:, 3] = 4 + (later[:, 3] - 3) % 7
    after = logits(name, target=later)
    np.testing.assert_array_equal(after[:, :3], before[:, :3])
    assert np.abs(after[:, 3:] - before[:, 3:]).max() > 1e-4


@every_model
def test_attention_is_a_distribution_over_what_is_real(name):
    weights = np.asarray(program(name, "attention")(variables(name), SOURCE, LENGTHS, TARGET))
    assert weights.shape == (3, TARGET.shape[1], 7)
    np.testing.assert_allclose(weights.sum(-1), 0 if name == "fixed" else 1, atol=1e-5)
    assert (weights[np.broadcast_to((np.arange(7) >= LENGTHS[:, None])[:, None], weights.shape)] == 0).all()


@pytest.mark.parametrize("name", ["bahdanau", "transformer"])
def test_translations_are_the_likeliest_tokens_one_after_another_and_beams_are_likelier(name):
    found = {}
    for beams in (1, 3):
        method = functools.partial(translate, steps=6, begin=BEGIN, end=END, beams=beams, alpha=0.0)
        found[beams] = np.asarray(
            jax.jit(functools.partial(MODELS[name].apply, method=method))(variables(name), SOURCE, LENGTHS)
        )

    def scored(ids):
        given = np.concatenate([np.full((3, 1), BEGIN), ids[:, :-1]], 1).astype(np.int32)
        all_at_once = logits(name, target=given)
        inside = np.cumsum(ids == END, 1) - (ids == END) == 0
        chances = np.take_along_axis(np.asarray(jax.nn.log_softmax(all_at_once)), ids[..., None], 2)[..., 0]
        return all_at_once.argmax(-1), inside, (chances * inside).sum(1)

    best, inside, greedy = scored(found[1])
    assert (found[1] == np.where(inside, best, 0)).all()
    assert (scored(found[3])[2] >= greedy - 1e-5).all()


def test_a_decoder_with_bahdanau_s_attention_by_hand():
    """Bahdanau et al. 2015, appendix A, from the encoder's states on; GRU with the reset gate after the product."""
    weights = jax.tree.map(np.asarray, variables("bahdanau")["params"])
    start = program("bahdanau", "start")(variables("bahdanau"), SOURCE[:1], LENGTHS[:1])
    s, h, row = np.asarray(start["state"])[0], np.asarray(start["states"])[0], []
    cell, attend = weights["cell"], weights["attend"]
    for token in TARGET[0]:
        y = weights["target_embedding"]["embedding"][token]
        energy = (
            np.tanh(s @ attend["query"]["kernel"] + h @ attend["key"]["kernel"]) @ attend["energy"]["kernel"][:, 0]
        )
        alpha = np.exp(energy) / np.exp(energy).sum()
        context = alpha @ h
        x = np.concatenate([y, context]) @ cell["input"]["kernel"] + cell["input"]["bias"]
        u = s @ cell["recurrent_kernel"]
        reset, keep = (1 / (1 + np.exp(-(x[part] + u[part]))) for part in (slice(6), slice(6, 12)))
        candidate = np.tanh(x[12:] + reset * (u[12:] + cell["candidate_bias"]))
        s = (1 - keep) * candidate + keep * s
        seen = np.tanh(np.concatenate([s, context, y]) @ weights["readout"]["kernel"] + weights["readout"]["bias"])
        row.append(seen @ weights["head"]["kernel"] + weights["head"]["bias"])
    np.testing.assert_allclose(logits("bahdanau")[0], row, atol=1e-5)


def count(model):
    shapes = jax.eval_shape(model.init, {"params": jax.random.key(0)}, SOURCE, LENGTHS, TARGET)
    return sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(shapes))


def test_the_base_transformer_has_65_million_parameters():
    """Vaswani et al. 2017, table 3, with the vocabulary of section 5.1. Ours are 63 million."""
    dense, norm = 512 * 512 + 512, 2 * 512
    forward = 512 * 2048 + 2048 + 2048 * 512 + 512
    encoder, decoder = 4 * dense + forward + 2 * norm, 8 * dense + forward + 3 * norm
    base = Transformer(37_000, 512, 2048, 6, 8, length=128, pre_norm=False)
    assert count(base) == 37_000 * 512 + 6 * (encoder + decoder)
    assert abs(count(base) / 65e6 - 1) < 0.03


def test_the_size_of_rnnsearch():
    """Bahdanau et al. 2015, appendix A.2.3: 1000 units, 620 features, 1000 aligned, 30,000 words on either side."""
    n, m, words = 1000, 620, 30_000
    gru = lambda inputs: 3 * (inputs * n + n * n + n) + n  # noqa: E731
    dense = lambda inputs, outputs: inputs * outputs + outputs  # noqa: E731
    attention = n * n + 2 * n * n + n
    readout = dense(n + 2 * n + m, n) + dense(n, words)
    expected = 2 * words * m + 2 * gru(m) + dense(2 * n, n) + attention + gru(m + 2 * n) + readout
    assert count(RecurrentTranslator("bahdanau", words, m, n, n)) == expected


def test_an_unknown_kind_is_an_error():
    with pytest.raises(ValueError, match="none of fixed, bahdanau, luong"):
        jax.eval_shape(RecurrentTranslator("dot", COUNT, 4, 6, 5).init, jax.random.key(0), SOURCE, LENGTHS, TARGET)


def test_with_a_key_translations_are_drawn_as_often_as_they_are_probable():
    model, own = MODELS["transformer"], variables("transformer")
    source, lengths = np.repeat(SOURCE[:1], 3000, 0), np.repeat(LENGTHS[:1], 3000)

    @jax.jit
    def drawn(key):
        options = {"steps": 2, "begin": BEGIN, "end": END, "key": key}
        return model.apply(own, source, lengths, method=functools.partial(translate, **options))

    found = np.asarray(drawn(jax.random.key(0)))
    first = np.bincount(found[:, 0], minlength=COUNT) / len(found)
    wanted = np.asarray(jax.nn.softmax(logits("transformer", SOURCE[:1], LENGTHS[:1], TARGET[:1])[0, 0]))
    np.testing.assert_allclose(first, wanted, atol=0.04)
    assert (found[found[:, 0] == END][:, 1] == 0).all() and (first > 0).sum() > 2
    assert (np.asarray(drawn(jax.random.key(1))) != found).any()
