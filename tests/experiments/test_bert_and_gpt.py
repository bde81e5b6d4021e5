"""The pages of sentence vectors: their losses over loops, their papers' sizes, and what they answer."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn.data.description import describe, stand_in
from deeplearn.data.vocabulary import Vocabulary
from deeplearn.errors import UserError
from deeplearn.sentences.vectors import sentence_vectors
from deeplearn.train.trained import Trained
from experiments.representations import bert, gpt

from .pretend import pretend


def begun(page):
    """(its trained system, not trained at all, with random weights; its data set)."""
    config, dataset = dataclasses.replace(page.Config(), **page.Config.TINY), pretend("sentences/world")
    model = page.build(config, dataset).model

    def everything(model, batch):
        return model.logits(model(batch["tokens"], batch["length"]))

    batch = {key: value[:2] for key, value in dataset.test.arrays().items() if key in ("tokens", "length")}
    variables = jax.jit(lambda key: model.init(key, batch, method=everything))(jax.random.key(0))
    keys = jax.random.split(jax.random.key(1), len(jax.tree.leaves(variables)))
    leaves = [
        x + 0.5 * jax.random.normal(key, x.shape) for x, key in zip(jax.tree.leaves(variables), keys, strict=True)
    ]
    variables = jax.tree.unflatten(jax.tree.structure(variables), leaves)
    return Trained(model, variables, jax.random.key(2), config), dataset


@pytest.fixture(scope="module")
def of_bert():
    return begun(bert)


@pytest.fixture(scope="module")
def of_gpt():
    return begun(gpt)


def log_softmax(logits):
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def test_gpt_s_loss_is_that_of_each_token_after_those_before(of_gpt):
    trained, dataset = of_gpt
    rows = {key: value[:2] for key, value in dataset.test.arrays().items() if key in ("tokens", "length")}
    loss, metrics = trained(gpt.next_token, rows, longest=trained.config.longest)
    total, right, count = 0.0, 0, 0
    for tokens, length in zip(rows["tokens"], rows["length"], strict=True):
        sentence = [Vocabulary.begin, *tokens[:length], Vocabulary.end]
        for place in range(1, len(sentence)):
            before = jnp.array([sentence[:place]], jnp.int32)
            p = log_softmax(np.asarray(trained(gpt.logits, before, decode=False), np.float64)[0, -1])
            total, right, count = total - p[sentence[place]], right + (p.argmax() == sentence[place]), count + 1
    assert loss.value == pytest.approx(total / count, rel=1e-4)
    assert loss.weight == count and metrics["accuracy"].value == pytest.approx(right / count)


def shown_and_loss(model, batch, config):
    """What BERT is shown, what it is asked for, its logits of that, and the loss that the page makes of them."""
    seen = {}

    def spy(key, tokens, *rest, **options):
        seen["tokens"], (seen["shown"], seen["asked"]) = tokens, bert_masked(key, tokens, *rest, **options)
        return seen["shown"], seen["asked"]

    bert_masked = bert.masked
    bert.masked = spy
    try:
        loss, metrics = bert.masked_language(model, batch, config)
    finally:
        bert.masked = bert_masked
    return {**seen, "logits": model.logits(model(seen["shown"], batch["length"] + 2)), "loss": loss, **metrics}


def test_bert_s_loss_is_that_of_hidden_tokens_alone(of_bert):
    trained, dataset = of_bert
    config = dataclasses.replace(trained.config, masked=0.4)
    batch = {key: value for key, value in dataset.test.arrays().items() if key in ("tokens", "length")}
    found = trained(shown_and_loss, batch, config=config)
    p = log_softmax(np.asarray(found["logits"], np.float64))
    asked, tokens = np.asarray(found["asked"]), np.asarray(found["tokens"])
    assert 5 < asked.sum() < batch["length"].sum()
    assert not asked[tokens < 4].any()
    wanted = np.mean([-p[row, place, tokens[row, place]] for row, place in zip(*np.nonzero(asked), strict=True)])
    assert found["loss"].value == pytest.approx(wanted, rel=1e-4) and found["loss"].weight == asked.sum()
    assert (np.asarray(found["shown"])[asked] == trained.model.vocabulary - 1).mean() > 0.5


def test_masks_are_others_at_each_step_and_the_same_at_the_same(of_bert):
    trained, dataset = of_bert
    batch = {key: value for key, value in dataset.test.arrays().items() if key in ("tokens", "length")}
    one, same, other = (
        float(system(bert.masked_language, batch, config=trained.config)[0].value)
        for system in (trained.folded(1), trained.folded(1), trained.folded(2))
    )
    assert one == same != other


@pytest.mark.parametrize(
    ("page", "millions"),
    [
        # BERT-base without segments, pooler and vocabulary: 12 layers, positions, head and norms.
        (bert, 85.05 + 0.39 + 0.59),
        (gpt, 85.05 + 0.79),
    ],
)
def test_paper_sizes(page, millions):
    config = dataclasses.replace(page.Config(), **page.Config.PAPER)
    dataset = pretend("sentences/world")
    model = page.build(config, dataset).model
    shapes = jax.eval_shape(
        lambda key: model.init(
            key, jnp.ones((1, 2), jnp.int32), method=lambda m, t: m.logits(m(t, jnp.array([2])))
        ),
        jax.random.key(0),
    )
    count = sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(shapes["params"]))
    words = len(dataset.vocabulary) + (page is bert)
    assert count - words * (768 + (page is bert)) == pytest.approx(1e6 * millions, rel=1e-3)


def test_bert_fills_in_what_is_hidden_when_the_data_are_gone(of_bert):
    trained, dataset = of_bert
    gone = stand_in(describe(dataset))
    lines = bert.answer(trained, gone, "two [MASK] violet [MASK]").split("\n")
    assert len(lines) == 2
    ids = dataset.vocabulary.ids("two violet")
    tokens = [Vocabulary.begin, ids[0], len(dataset.vocabulary), ids[1], len(dataset.vocabulary), Vocabulary.end]
    p = np.asarray(trained(bert.probabilities, np.array([tokens], np.int32)))[0]
    for line, place in zip(lines, (2, 4), strict=True):
        first, *_ = line.split(", ")
        best = p[place, :-1].argmax()
        assert first == f"{dataset.vocabulary.tokens[best]} {p[place, best]:.3f}"
        assert len(line.split(", ")) == bert.FILLED


def test_bert_tells_the_nearest_sentences_of_a_text_without_a_mask(of_bert):
    trained, dataset = of_bert
    lines = bert.answer(trained, dataset, "two dogs").split("\n")
    assert len(lines) == 5
    texts = set(dataset.train.arrays()["text"])
    assert all(line.split("  ")[1] in texts for line in lines)


def test_gpt_goes_on_with_a_text_and_tells_the_nearest(of_gpt, tmp_path):
    trained, dataset = of_gpt
    (tmp_path / "texts.txt").write_text("two dogs\nno cat\n")
    first, *others = gpt.answer(trained, dataset, "two dogs").split("\n")
    assert first.startswith("two dogs ") and len(others) == 5
    assert gpt.answer(trained, dataset, str(tmp_path / "texts.txt")).split("\n")[1:6] == others
    with pytest.raises(UserError, match="no word of 'ξ'"):
        gpt.answer(trained, dataset, "ξ")


def test_greedy_goes_on_with_what_the_whole_model_finds_most_probable(of_gpt):
    trained, dataset = of_gpt
    config = dataclasses.replace(trained.config, temperature=0.0, longest=10)
    cold = Trained(trained.model, trained.variables, trained.key, config)
    ids = dataset.vocabulary.ids("two dogs")
    (found,) = gpt.continued(cold, dataset, ids)
    tokens = [Vocabulary.begin, *ids]
    while len(tokens) < 12 and tokens[-1] != Vocabulary.end:
        tokens.append(int(trained(gpt.logits, np.array([tokens], np.int32), decode=False)[0, -1].argmax()))
    assert found == dataset.vocabulary.text(
        tokens[3:] if dataset.vocabulary.level == "word" else tokens[1 + len(ids) :]
    )


def test_vectors_are_of_what_the_encoder_reads(of_gpt):
    """GPT's first state has seen nothing; its last has seen all."""
    trained, dataset = of_gpt
    batch = {key: value[:4] for key, value in dataset.test.arrays().items() if key in ("tokens", "length")}
    found = trained(sentence_vectors, batch, longest=trained.config.longest)
    assert np.ptp(found["first"], axis=0).max() < 1e-5 < np.ptp(found["last"], axis=0).max()
