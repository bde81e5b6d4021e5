"""Captions that leave something open, completed by a small transformer that a few words have taught."""

import dataclasses
import functools
from collections import Counter

import jax
import numpy as np
import optax
import pytest

from deeplearn import train as dl
from deeplearn.data import Arrays, Dataset, Vocabulary
from deeplearn.errors import UserError
from deeplearn.models.imagen import Imagen
from deeplearn.text_to_image.captions import MORE, texts_of
from deeplearn.text_to_image.completion import (
    TRIES,
    Completing,
    complete,
    completed,
    completer,
    read,
    read_asked,
    stages,
    tries,
    whole,
)

# "red" is said of cooks three times as often as "blue", and of judges never.
CONFIG = Completing(batch_size=3)
NAMES = ("red cook", "red cook", "red cook", "blue cook", "blue judge", "a blue judge")


@functools.cache
def data():
    vocabulary = Vocabulary.words([" ".join(NAMES)])
    tokens, length = np.zeros((len(NAMES), 6), np.int32), np.zeros(len(NAMES), np.int32)
    for row, name in enumerate(NAMES):
        ids = [vocabulary.begin, *vocabulary.ids(name), vocabulary.end]
        tokens[row, : len(ids)], length[row] = ids, len(ids)
    split = Arrays({"image": np.zeros((len(NAMES), 4, 4, 3), np.float32), "tokens": tokens, "length": length})
    return Dataset("names", split, split, split, vocabulary=vocabulary)


@functools.cache
def trained():
    dataset = data()
    model = Imagen(None, None, completer=completer(CONFIG, dataset))
    rows = {name: dataset.train.arrays()[name].repeat(8, 0) for name in ("tokens", "length")}
    begin = jax.jit(functools.partial(model.init, method=complete))
    variables = begin({name: jax.random.key(n) for n, name in enumerate(("params", "noise", "dropout"))}, rows)
    chain = optax.adam(optax.cosine_decay_schedule(2e-3, 400))

    @jax.jit
    def step(params, state, key):
        def loss(params):
            key_noise, key_drop = jax.random.split(key)
            rngs = {"noise": key_noise, "dropout": key_drop}
            found, _ = model.apply({"params": params}, rows, method=complete, rngs=rngs)
            return found.total / found.weight

        updates, state = chain.update(jax.grad(loss)(params), state, params)
        return optax.apply_updates(params, updates), state

    params, state = variables["params"], chain.init(variables["params"])
    for number in range(400):
        params, state = step(params, state, jax.random.fold_in(jax.random.key(3), number))
    return dl.Trained(model, {"params": params}, jax.random.key(4))


def test_completions_are_as_frequent_as_in_training():
    found = Counter(whole(trained(), data(), ["cook …"] * 400))
    assert found["red cook"] + found["blue cook"] > 380 and all("cook" in name for name in found)
    assert found["red cook"] / 400 == pytest.approx(0.75, abs=0.1)
    found = Counter(whole(trained(), data(), ["…"] * 400))
    assert sum(found[name] for name in set(NAMES)) > 380
    assert found["a blue judge"] / 400 == pytest.approx(1 / 6, abs=0.07)


def test_whole_captions_stay_and_each_open_one_is_completed_on_its_own():
    dataset, texts = data(), ["blue cook", "judge …", "red cook", "cook...", "cook …", "cook …", "cook …", "cook …"]
    tokens, length = read(trained(), dataset, texts)
    found = texts_of({"tokens": tokens, "length": length}, dataset)
    assert found[0] == "blue cook" and found[2] == "red cook" and found[1] in ("blue judge", "a blue judge")
    assert not (tokens == MORE).any() and found == whole(trained(), dataset, texts)
    for row, count in zip(tokens, length, strict=True):
        assert row[0] == Vocabulary.begin and row[count - 1] == Vocabulary.end and not row[count:].any()
    assert len({tuple(row) for row in read_asked(trained(), dataset, "cook …", 30)[0]}) == 2
    again, other = (read(own, dataset, texts) for own in (trained(), trained().folded(1)))
    np.testing.assert_array_equal(again[0], tokens)
    assert (other[0] != tokens).any()
    # What is said may fill the longest caption, "…" included.
    assert dataset.vocabulary.text(read(trained(), dataset, ["a blue judge …"])[0][0]) == "a blue judge"


def test_all_that_was_said_is_said_or_else_that_alone(monkeypatch):
    dataset, own = data(), trained()
    words = dataset.vocabulary

    def after(said, *captions):
        """A completer that writes these, the last again and again."""
        rows = [captions[min(number, len(captions) - 1)] for number in range(TRIES)]
        made = np.zeros((1, TRIES, 5), np.int32)
        for row, (text, ended) in enumerate(rows):
            ids = [*words.ids(text), *[words.end] * ended]
            made[0, row, : len(ids)] = ids
        monkeypatch.setattr(dl.Trained, "over", lambda self, function, rows, size: made)
        tokens = np.array([[2, *words.ids(said), MORE, 3, 0, 0, 0]], np.int32)[:, :8]
        found = completed(own, tokens, np.array([len(words.ids(said)) + 3]))
        return words.text(found[0][0]), found[1][0]

    others = ("blue cook", True), ("cook a red", False), ("a red judge", True)
    assert after("red cook", *others, ("cook red a", True)) == ("cook red a", 5)
    assert after("red cook", *others) == ("red cook", 4)
    assert after("red a blue a", *others) == ("red a blue a", 6)  # in its order, though a word is there twice
    assert after("cook", ("green cook", True), ("red cook", True)) == ("red cook", 4)  # green: an unknown word
    assert after("", ("", True), ("red cook", True)) == ("red cook", 4)


def test_there_is_a_stage_of_it_or_none():
    (stage,) = stages(CONFIG, data())
    assert stage.name == "completer" and stage.turns[0].trains == ("completer",) and stage.batch_size == 3
    none = dataclasses.replace(CONFIG, completer_steps=0)
    assert stages(none, data()) == [] and completer(none, data()) is None


def test_without_it_nothing_is_left_open_and_unknown_words_are_asked_for():
    alone = dl.Trained(trained().model.clone(completer=None), trained().variables, trained().key)
    with pytest.raises(UserError, match="nothing was trained to complete them"):
        read_asked(alone, data(), "cook …", 1)
    with pytest.raises(UserError, match="nothing was trained to complete them"):
        whole(alone, data(), ["blue cook", "cook …"])
    with pytest.raises(UserError, match="never learnt the word 'green'"):
        whole(trained(), data(), ["green cook …"])
    assert whole(trained(), data(), ["green cook"]) == ["green cook"]  # an encoder may know it
    assert read(alone, data(), ["green cook"])[1].tolist() == [3]


def test_tries_of_one_caption_differ():
    rows = {"tokens": np.array([[2, MORE, 3, 0, 0, 0]], np.int32), "length": np.array([3])}
    found = np.asarray(trained()(tries, rows))
    assert found.shape == (1, TRIES, 5) and len({tuple(one) for one in found[0]}) > 1


def test_only_captions_of_words_are_completed():
    vocabulary = Vocabulary.characters(NAMES)
    by_character = dataclasses.replace(data(), vocabulary=vocabulary)
    assert completer(CONFIG, by_character) is None and stages(CONFIG, by_character) == []
