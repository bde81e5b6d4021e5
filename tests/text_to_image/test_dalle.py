"""DALL·E as a system."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deeplearn import train as dl
from deeplearn.data import Arrays, Dataset, Vocabulary
from deeplearn.errors import UserError
from deeplearn.models.dalle import drawn_codes
from deeplearn.text_to_image.dalle import (
    codes_of,
    dalle,
    foresee,
    foreseen,
    hints,
    predict,
    ranked,
    shown,
    stages,
    system,
)
from deeplearn.text_to_image.dalle_config import DalleConfig
from experiments.text_to_image import dalle as page

NAMES = ("red cook", "blue cook", "red judge", "blue judge")
CONFIG = DalleConfig(**{**DalleConfig.TINY, "code_factor": 2, "codes": 5})


@functools.cache
def data():
    vocabulary = Vocabulary.words([" ".join(NAMES)])
    image = np.random.default_rng(0).random((4, 8, 8, 3)).astype(np.float32)
    columns = {
        "image": image,
        "tokens": np.array([[2, *vocabulary.ids(name), 3] for name in NAMES], np.int32),
        "length": np.full(4, 4, np.int32),
    }
    split = Arrays(columns)
    return Dataset("names", split, split, split, vocabulary=vocabulary)


@functools.cache
def trained():
    """The networks as they begin, moved at random, with a codebook that is not all zeros."""
    dataset = data()
    model, batch = dalle(CONFIG, dataset), dataset.train.arrays() | {"step": 0}

    def everything(model, batch):
        model.code(batch["image"])
        model.clip(batch["image"], batch["tokens"], batch["length"])
        return predict(model, batch, CONFIG)

    variables = jax.jit(functools.partial(model.init, method=everything))(jax.random.key(0), batch)
    variables = {
        name: moved(trees, np.abs if name != "params" else np.asarray) for name, trees in variables.items()
    }
    return dl.Trained(model, variables, jax.random.key(2), CONFIG)


def moved(tree, sign):
    """Every array moved at random; variances and counts stay positive."""
    random = np.random.default_rng(0)
    return jax.tree.map(lambda leaf: leaf + sign(random.normal(size=leaf.shape).astype(np.float32)), tree)


def greedy(model, tokens, length, given):
    return drawn_codes(model.decoder, tokens, length, given, jax.random.key(0), 0.0)


def test_greedy_codes_are_each_the_most_probable_after_those_before():
    own, rows = trained(), data().train.arrays()
    given = np.array([[0, 1, 2], [3, 4, 0], [1, 1, 1], [4, 0, 2]], np.int32)
    codes = np.asarray(own(greedy, rows["tokens"], rows["length"], given))
    assert codes.shape == (4, 16) and (codes[:, :3] == given).all()
    logits = own(lambda model, *arrays: model.decoder(*arrays).of_codes, rows["tokens"], rows["length"], codes)
    np.testing.assert_array_equal(codes[:, 3:], np.asarray(logits.argmax(-1))[:, 3:])
    assert len(np.unique(codes[:, 3:])) > 2


def test_the_codebook_stays_when_the_decoder_learns():
    own, batch = trained(), data().train.arrays()
    codebook = own.variables["codebook"]

    def learn(model, batch):
        return predict(model, batch | {"step": 0}, CONFIG)

    _, changed = own.model.apply(
        own.variables, batch, method=learn, mutable=["codebook"], rngs={"params": jax.random.key(0)}
    )
    jax.tree.map(np.testing.assert_array_equal, changed.get("codebook", codebook), codebook)
    # A code that learns does follow what it sees.
    _, moved = own.model.apply(
        own.variables,
        batch["image"],
        method=lambda model, image: model.code(image),
        mutable=["codebook"],
        rngs={"params": jax.random.key(0)},
    )
    assert any(np.any(a != b) for a, b in zip(*map(jax.tree.leaves, (moved["codebook"], codebook)), strict=True))


def test_the_bag_learns_from_the_words_which_vectors_the_codes_have_and_trains_alone():
    own, batch = trained(), data().train.arrays() | {"step": 0}

    def loss(params):
        variables = {**own.variables, "params": params}
        return own.model.apply(variables, batch, method=foresee)[0]

    found, slope = jax.jit(jax.value_and_grad(loss))(own.variables["params"])
    made = own(lambda model, *text: model.bag(*text), batch["tokens"], batch["length"])
    wanted = np.asarray(own.variables["codebook"]["code"]["codebook"]["vectors"])[own(codes_of, batch["image"])]
    np.testing.assert_allclose(found, np.square(made - wanted).mean(), rtol=1e-4)
    moving = {name for name, part in slope.items() if max(float(np.abs(x).max()) for x in jax.tree.leaves(part))}
    assert moving == {"bag"}


def test_what_the_bag_foresees_is_shown_as_its_vectors_are():
    """Where it foresees the vectors of codes, its picture is theirs; and the decoder is told of it."""
    own, rows = trained(), data().train.arrays()
    codes = own(codes_of, rows["image"])

    def by_hand(model, tokens, length, codes):
        return model.code.decode(codes), model.code.shown(model.bag(tokens, length).reshape(4, 4, 4, -1))

    of_codes, of_bag = own(by_hand, rows["tokens"], rows["length"], codes)
    np.testing.assert_allclose(own(foreseen, rows["tokens"], rows["length"]), of_bag, atol=1e-6)
    np.testing.assert_allclose(own(shown, codes), of_codes, atol=1e-6)
    assert np.abs(of_bag - of_codes).max() > 0.01

    def told(model, *arrays):
        tokens, length, _ = arrays
        return model.decoder(*arrays, hints(model, tokens, length)).of_codes - model.decoder(*arrays).of_codes

    assert np.abs(own(told, rows["tokens"], rows["length"], codes)).max() > 0.01


def test_without_the_bag_there_is_no_stage_of_it():
    names = [
        [stage.name for stage in stages(dataclasses.replace(CONFIG, word_sums=told), data())] for told in (0, 1)
    ]
    assert names == [
        ["codes", "decoder", "clip", "completer"],
        ["codes", "bag", "decoder", "clip", "completer"],
    ]


def test_a_picture_is_its_codes_and_they_are_its_own():
    """The nearest vectors of the codebook, found by brute force, and what the decoder makes of them."""
    own, image = trained(), data().train.arrays()["image"]

    def by_hand(model, image):
        code = model.code
        places, vectors = code.encoder(image - code.mean), code.codebook.look_up(jnp.arange(CONFIG.codes))
        nearest = jnp.square(places[..., None, :] - vectors).sum(-1).argmin(-1)
        return nearest.reshape(len(image), -1), code.picture(code._outputs(vectors[nearest]))

    codes, expected = own(by_hand, image)
    np.testing.assert_array_equal(own(codes_of, image), codes)
    made = np.asarray(own(shown, codes))
    np.testing.assert_allclose(made, expected, atol=1e-5)
    assert made.shape == image.shape and made.min() >= 0 and made.max() <= 1 and len(np.unique(codes)) > 1


def test_what_is_asked_for_comes_best_first():
    own = trained()
    made = page.images(own, data(), 2, "red cook", candidates=4)
    tokens, length = data().train.arrays()["tokens"][:1].repeat(4, 0), np.full(4, 4)
    every, cosines = ranked(own, CONFIG, tokens, length, 1)
    np.testing.assert_array_equal(made, every[np.argsort(-cosines[:, 0])[:2], 0])
    assert len(np.unique(every.reshape(4, -1), axis=0)) > 1


def test_of_what_is_left_open_each_completion_has_its_best(monkeypatch):
    own, rows = trained(), data().train.arrays()
    two = rows["tokens"][1:3], rows["length"][1:3]
    monkeypatch.setattr(page, "read_asked", lambda trained, dataset, text, count: {("red …", 2): two}[text, count])
    made = page.images(own, data(), 2, "red …", candidates=6)
    every, cosines = ranked(own, CONFIG, *two, 3)
    np.testing.assert_array_equal(made, every[np.arange(2), cosines.argmax(1)])
    assert page.images(own, data(), 2, "red …").shape == made.shape


@pytest.mark.parametrize(("asked", "says"), [({"temperature": -1.0}, "temperature"), ({"candidates": 600}, "512")])
def test_what_cannot_be_asked(asked, says):
    with pytest.raises(UserError, match=says):
        page.images(trained(), data(), 1, "red cook", **asked)


@pytest.mark.parametrize(
    ("flags", "says"),
    [({"levels": 2}, "levels"), ({"heads": 3}, "heads"), ({"kernel": 4}, "kernel"), ({"top_k": 6}, "top_k")],
)
def test_flags_that_do_not_fit(flags, says):
    with pytest.raises(UserError, match=says):
        system(dataclasses.replace(CONFIG, **flags), data())
