"""The page of language models: what it measures, what it answers, and the size of its paper's model."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.data.description import describe, stand_in
from deeplearn.data.running import running, written
from deeplearn.errors import UserError
from deeplearn.models.language import parameter_count
from deeplearn.train.trained import Trained
from experiments.sequences import language_model as page

from .pretend import pretend

CONFIG = dataclasses.replace(page.Config(), **page.Config.TINY)


@pytest.fixture(scope="module")
def dataset():
    return pretend("text/python_docs")


@pytest.fixture(scope="module")
def trained(dataset):
    """Not trained at all: weights as they begin."""
    model = page.build(CONFIG, dataset).model
    facts = page.build(CONFIG, dataset).rivals

    def init(key):
        tokens = jnp.zeros((1, 1), jnp.int32)
        return model.init(key, method=lambda root: [getattr(root, name)(tokens) for name in CONFIG.kinds])

    return Trained(model, jax.jit(init)(jax.random.key(0)), jax.random.key(1), CONFIG, facts)


def test_bits_are_of_every_character_of_test_each_from_half_a_window_at_least(trained, dataset):
    row = page.evaluate(trained["lstm"], dataset)[page.dl.OURS]
    text, context = running(dataset.test).tolist(), CONFIG.context
    # Where a window ends that scores a token: at its own end for the first, then half a window later each.
    ends = [
        min(end for end in range(context, 2 * len(text), context // 2) if end >= i) for i in range(1, len(text))
    ]
    starts = [end - context for end in ends]
    padded = np.zeros((len(starts), context + 1), np.int32)
    for row_, (start, i) in enumerate(zip(starts, range(1, len(text)), strict=True)):
        padded[row_, : i + 1 - start] = text[start : i + 1]
    logits = np.asarray(trained["lstm"](lambda model, tokens: model(tokens), padded[:, :-1]), float)
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    bits = [-np.log2(p[k, i - 1 - starts[k], text[i]]) for k, i in enumerate(range(1, len(text)))]
    characters = len(written(np.array(text), dataset.vocabulary))
    assert characters == len(text) - 1
    assert row.metrics["bits_per_character"] == pytest.approx(sum(bits) / characters, rel=1e-4)


def test_it_goes_on_with_a_text_or_a_text_file_when_the_data_are_gone(trained, dataset, tmp_path):
    gone = stand_in(describe(dataset))
    assert page.build(CONFIG, gone).model == trained.model
    found = page.answer(trained, gone, "two dogs see")
    assert found.startswith("two dogs see") and len(found) > len("two dogs see")
    assert found == page.answer(trained, gone, "two dogs see")
    assert found != page.answer(trained.folded(1), gone, "two dogs see")
    (tmp_path / "file.txt").write_text("two dogs see")
    assert page.answer(trained, gone, str(tmp_path / "file.txt")) == found
    with pytest.raises(UserError, match="an empty text"):
        page.answer(trained, gone, "")


def test_greedy_goes_on_beyond_a_window(trained, dataset):
    cold = Trained(
        trained.model, trained.variables, trained.key, dataclasses.replace(CONFIG, temperature=0.0), trained.rivals
    )["window"]
    prompt = running(dataset.test)[None, 1:8]
    found = page.continued(cold, dataset, prompt, 30)[0]
    # The window is longer than half of the context, so a later piece sees the last half of the context alone.
    tokens, half = prompt[0].tolist(), CONFIG.context // 2
    while len(tokens) < 7 + len(found):
        piece = tokens[-half:]
        for _ in range(CONFIG.context - half):
            logits = cold(lambda model, tokens: model(tokens), np.array([piece]))
            piece.append(int(logits[0, -1].argmax()))
        tokens += piece[half:]
    assert found.tolist() == tokens[7 : 7 + len(found)]


def test_the_paper_s_transformer_has_the_blocks_of_gpt_2_small(dataset):
    config = dataclasses.replace(page.Config(), **page.Config.PAPER)
    vocabulary = 106  # of text/python_docs
    sizes = page.Sizes(config.depth, config.heads, config.context, config.dropout)
    model = page.sized(config.parameters, "transformer", vocabulary, sizes)
    # 124,439,808 (`gpt2` in Hugging Face's transformers) without 50,257 tokens and 1,024 positions.
    blocks = 124_439_808 - (50_257 + 1024) * 768
    assert model.features == 768
    assert parameter_count(model) == blocks + vocabulary * 768 + (768 + 1) * vocabulary
    others = [
        parameter_count(page.sized(config.parameters, kind, vocabulary, sizes)) for kind in ("lstm", "window")
    ]
    assert min(others) > 0.95 * config.parameters and max(others) <= config.parameters


def test_other_data_are_refused():
    with pytest.raises(UserError, match="is not one of texts"):
        page.build(CONFIG, pretend("digits"))
    with pytest.raises(UserError, match="choose a --context below"):
        page.build(dataclasses.replace(CONFIG, context=5000), pretend("text/python_docs"))
