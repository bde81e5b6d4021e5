"""A small CLIP of a data set: its encoders, targets shared among equal captions, the cosine of a pair."""

import jax
import numpy as np
import pytest

from deeplearn.data import Arrays, Dataset, Vocabulary
from deeplearn.errors import UserError
from deeplearn.losses.contrastive import info_nce
from deeplearn.models.clip import BagOfWords, Clip, PixelVision, ResNetVision
from deeplearn.models.clip_text import ClipText
from deeplearn.models.clip_vision import ClipVision
from deeplearn.text_to_image.clip import (
    agreement,
    contrast,
    picture_vectors,
    same_caption,
    small_clip,
    text_vectors,
)

TOKENS = np.array([[2, 4, 3, 0], [2, 4, 5, 3], [2, 4, 3, 0]], np.int32)
LENGTH = np.array([3, 4, 3], np.int32)


def dataset(height=8, width=8):
    split = Arrays({"image": np.zeros((3, height, width, 3), np.float32), "tokens": TOKENS, "length": LENGTH})
    return Dataset("three", split, split, split, vocabulary=Vocabulary.words(["red cat"]))


@pytest.fixture(scope="module")
def bound():
    """(call(function, arrays, …) of a small CLIP with random weights, a batch)."""
    model = small_clip(dataset(), "vit", width=2, features=6, layers=1, dropout=0.0)
    image = np.random.default_rng(0).uniform(size=(3, 8, 8, 3)).astype(np.float32)
    batch = {"image": image, "tokens": TOKENS, "length": LENGTH}
    variables = model.init(jax.random.key(0), image, TOKENS, LENGTH)
    return lambda function, *arrays: model.apply(variables, *arrays, method=function), batch


def test_each_encoder_for_its_name():
    model = small_clip(dataset(), "resnet", "bag", width=4)
    assert isinstance(model, Clip) and isinstance(model.image, ResNetVision) and isinstance(model.text, BagOfWords)
    assert isinstance(small_clip(dataset(), width=4).image, PixelVision)
    model = small_clip(dataset(), "vit", "transformer", width=16, patch=2)
    assert isinstance(model.image, ClipVision) and isinstance(model.text, ClipText)
    assert (model.image.side, model.image.patch, model.text.length, model.text.end) == (8, 2, 4, Vocabulary.end)
    assert model.text.vocabulary == 6


@pytest.mark.parametrize(
    ("shape", "options", "says"),
    [
        ((8, 6), {}, "pictures of one height"),
        ((7, 7), {"image_encoder": "resnet"}, "patches of 2"),
        ((8, 8), {"image_encoder": "vit", "patch": 3}, "of 3"),
    ],
)
def test_pictures_that_do_not_suit_it(shape, options, says):
    with pytest.raises(UserError, match=says):
        small_clip(dataset(*shape), **options)


def test_equal_captions_share_a_number():
    assert same_caption(TOKENS).tolist() == [0, 1, 0]


def test_the_loss_shares_targets_by_label_and_else_by_caption(bound):
    call, batch = bound
    for label, given in (
        (np.array([0, 1, 0], np.int32), {}),
        (np.array([4, 4, 2], np.int32), {"label": np.array([4, 4, 2])}),
    ):
        loss, metrics = call(contrast, batch | given)
        images, texts, scale = call(Clip.__call__, *batch.values())
        np.testing.assert_allclose(loss, info_nce(images, texts, scale, label)[0], rtol=1e-4)
        assert metrics["scale"] == pytest.approx(1 / 0.07, rel=1e-5)


def test_agreement_is_the_cosine_of_a_pair(bound):
    call, batch = bound
    cosines = call(picture_vectors, batch["image"]) @ call(text_vectors, batch).T
    np.testing.assert_allclose(call(agreement, batch), np.diag(cosines), atol=1e-6)
