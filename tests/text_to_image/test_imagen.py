"""Imagen as a system: what is refused, what is left out in training, and what is drawn."""

import dataclasses

import jax
import numpy as np
import pytest

from deeplearn import data
from deeplearn import train as dl
from deeplearn.data.told_augmentation import CHANGES
from deeplearn.errors import UserError
from deeplearn.models.imagen import enlarge
from deeplearn.models.super_resolution import details
from deeplearn.nn.functional import area_means
from deeplearn.text_to_image import completion, imagen, imagen_rows
from deeplearn.text_to_image.captions import tokens_of
from deeplearn.text_to_image.frozen_text import FrozenText
from deeplearn.text_to_image.imagen import (
    ImagenConfig,
    asked_in_training,
    denoise,
    move,
    pictures,
    read,
    stages,
    system,
    texts_for,
)
from deeplearn.text_to_image.imagen_rows import ENLARGED, claims, enlarged, other_rows
from deeplearn.text_to_image.imagen_sweeps import swept
from tests.experiments.pretend import pretend
from tests.weights.text_encoders import FOLDERS

TINY = ImagenConfig(**ImagenConfig.TINY)


@pytest.fixture(scope="module")
def dataset():
    return pretend("openmoji/people-16", 12)


@pytest.fixture(scope="module")
def trained(dataset):
    """A system of random weights."""
    model, rows = system(TINY, dataset).model, dataset.train.gather(np.arange(2))
    batch = {key: rows[key] for key in ("image", "tokens", "length")}

    def losses(model, batch):
        return [denoise(model, batch, TINY, number)[0] for number in range(2)]

    shapes = jax.eval_shape(lambda key: model.init({"params": key}, batch, method=losses), jax.random.key(0))
    generator = np.random.default_rng(0)
    variables = jax.tree.map(lambda leaf: generator.normal(scale=0.3, size=leaf.shape).astype(np.float32), shapes)
    return dl.Trained(model, variables, jax.random.key(1), TINY)


def test_stages_train_the_reader_with_the_base_and_then_each_upsampler_alone(dataset):
    found = {stage.name: stage.turns[0].trains for stage in stages(TINY, dataset)}
    assert found == {
        "base": ("reader", "base"),
        "super_resolution_8": ("upsamplers_0",),
        "completer": ("completer",),
    }


def test_noise_is_scaled_alike_in_all_stages(dataset):
    model = system(dataclasses.replace(TINY, noise_scale=3.0), dataset).model
    assert [stage.noise_scale for stage in (model.base, *model.upsamplers)] == [3.0, 3.0]


def test_pictures_of_every_stage_are_larger_and_say_what_was_asked(trained, dataset):
    texts = texts_for(
        trained, TINY, dataset, [" ".join(dataset.vocabulary.tokens[4:6]), dataset.vocabulary.tokens[6]]
    )
    small, large = pictures(trained, TINY, dataset, *texts)
    assert small.shape == (2, 4, 4, 3) and large.shape == (2, 8, 8, 3)
    assert large.min() >= 0 and large.max() <= 1 and np.isfinite(large).all()
    swapped = pictures(trained, TINY, dataset, *(one[::-1] for one in texts))
    assert np.abs(swapped[0] - small).max() > 1e-3  # the noise is the same, the texts are not
    np.testing.assert_array_equal(pictures(trained, TINY, dataset, *texts)[1], large)
    curves = swept(trained, TINY, dataset, "percentile", (0.0, 1.0))
    assert len(curves["identity"][1]) == 2


def test_claims_are_of_rows_that_there_are(trained, dataset):
    rows = {*other_rows(trained, dataset, TINY), dl.OURS, "base"}
    for config in (TINY, dataclasses.replace(TINY, sides=(4,))):
        assert all({claim.better, claim.than} <= rows for claim in claims(config, dataset))
    for way in ENLARGED:
        assert enlarged(trained, dataset, TINY, way).arrays["image"].shape[1:] == (8, 8, 3)


def test_rows_are_of_what_the_system_does(trained, dataset, monkeypatch):
    """One side has one kernel ridge, and nothing partial is asked of a system that completes no captions."""
    row = "regression of partial captions"
    monkeypatch.setattr(imagen_rows, "partial_rows", lambda trained, dataset, side: {row: None})
    alone = dl.Trained(trained.model.clone(completer=None), trained.variables, trained.key, TINY)
    whole = set(other_rows(alone, dataset, dataclasses.replace(TINY, sides=(8,))))
    assert {row, *ENLARGED.values(), "kernel ridge, 4 pixels"} == {*other_rows(trained, dataset, TINY)} - whole
    assert (
        "kernel ridge" in whole and claims(dataclasses.replace(TINY, sides=(8,)), dataset)[0].than == "kernel ridge"
    )


def test_captions_are_left_out_as_often_as_is_said(trained, dataset):
    rows = {key: dataset.train.arrays()[key].repeat(40, 0) for key in ("tokens", "length")}

    def vectors(**changed):
        found = jax.jit(
            lambda key: trained.model.apply(
                trained.variables,
                rows,
                dataclasses.replace(TINY, **changed),
                method=asked_in_training,
                rngs={"params": key},
            )
        )
        return found(jax.random.key(2))

    whole, _, mask = vectors(drop_text=0.0)
    assert mask.sum(1).tolist() == rows["length"].tolist()
    some, _, kept = vectors(drop_text=0.2)
    none = ~kept.any(1)
    assert 0.14 < none.mean() < 0.26 and not some[none].any()
    np.testing.assert_array_equal(some[~none], whole[~none])


@pytest.mark.parametrize("number", [0, 1])
def test_a_stage_draws_changed_pictures_of_which_it_is_told(trained, dataset, monkeypatch, number):
    rows = {key: dataset.train.arrays()[key].repeat(10, 0) for key in ("image", "tokens", "length")}
    monkeypatch.setattr(imagen, "diffusion_loss", lambda diffusion, image, *condition: (image, condition))
    config = dataclasses.replace(TINY, changed=1.0, noised=0.0, noised_when_drawn=0.0)
    (image, condition), _ = trained(denoise, rows, config=config, number=number)
    label = condition[0][:, TINY.text_features :]
    assert (label[:, 0] == 1).all() and (label[:, 1:] != 0).any(1).mean() > 0.7
    still = ~np.asarray(label[:, 1:]).any(1)
    mirrored = rows["image"][still][:, :, ::-1]
    wanted = details(area_means(mirrored, 8), 4) if number else area_means(mirrored, 4)
    np.testing.assert_allclose(image[still], wanted, atol=1e-5)
    if number:
        np.testing.assert_allclose(condition[3][still], 2 * enlarge(area_means(mirrored, 4), 8) - 1, atol=0.05)


@pytest.mark.parametrize(("side", "sides", "far"), [(64, (16, 32, 64), 4), (32, (8, 16), 4), (96, (24, 48), 4)])
def test_moves_are_whole_pixels_of_every_stage(side, sides, far):
    config = dataclasses.replace(TINY, sides=sides)
    assert move(np.zeros((1, side, side, 3)), config) == far
    assert all(far % (side // each) == 0 for each in sides)


def test_words_begin_small(dataset):
    reader = system(dataclasses.replace(TINY, text_features=512), dataset).model.reader
    words = reader.init(jax.random.key(0), np.zeros((1, 2), np.int32), np.ones(1, np.int32))["params"]["Embed_0"]
    assert np.std(words["embedding"]) == pytest.approx(0.1, rel=0.1)


def test_pictures_are_asked_for_as_they_are(trained, dataset):
    rows = dataset.train.gather(np.arange(3))
    known, free = trained(read, rows["tokens"], rows["length"])
    assert not known[0][:, TINY.text_features :].any() and not free[0].any()
    assert known[0].shape == free[0].shape == (3, TINY.text_features + CHANGES)


def test_unknown_words_are_left_out_and_no_text_is_nothing(trained, dataset):
    word = dataset.vocabulary.tokens[4]
    alone = dl.Trained(trained.model.clone(completer=None), trained.variables, trained.key, TINY)
    some, known = (texts_for(alone, TINY, dataset, [text]) for text in (f"zzz {word}", word))
    np.testing.assert_array_equal(some[0], known[0])
    np.testing.assert_array_equal(some[1], known[1])
    condition, free = trained(read, *known)
    assert np.abs(condition[0]).max() > 0 and not np.asarray(free[0]).any() and not np.asarray(free[2]).any()


def test_a_frozen_encoder_reads_what_an_open_text_is_completed_to(trained, dataset, monkeypatch):
    """And other texts as they are, in words that training never has, too."""
    config = dataclasses.replace(TINY, text_weights=str(FOLDERS / "minilm"))
    own = dl.Trained(trained.model, trained.variables, trained.key, config)
    whole = dataset.train.arrays()["text"].astype(str)[0]
    tokens, length = tokens_of([whole], dataset)
    monkeypatch.setattr(completion, "completed", lambda trained, *read: (tokens, length))
    found, lengths = texts_for(own, config, dataset, [f"{whole.split()[0]} …", "wobbly"])
    for row, text in enumerate((whole, "wobbly")):
        (one,), (count,) = FrozenText(config.text_weights, dataset).read([text])
        np.testing.assert_allclose(found[row, :count], one[:count], atol=1e-4)
        assert lengths[row] == count


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"sides": (8, 4)}, "should rise"),
        ({"places": (3, 3)}, "cannot be cut into 3 places"),
        ({"widths": (8, 8, 8, 8)}, "cannot be halved 3 times"),
        ({"widths": (9,)}, "multiple of 8"),
        ({"network": "published"}, "no multiple"),
    ],
)
def test_what_does_not_fit_is_refused(dataset, changed, message):
    with pytest.raises(UserError, match=message):
        system(dataclasses.replace(TINY, **changed), dataset)


def test_a_frozen_encoder_cannot_read_captions_without_end(data_dir):
    changed = {"dataset": "shapes/32", "text_weights": "somewhere"}
    with pytest.raises(UserError, match=r"those of --dataset=shapes/32 have no end: choose another"):
        system(dataclasses.replace(TINY, **changed), data.load("shapes/32", data_dir))
