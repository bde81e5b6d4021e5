"""DALL·E 2 as a system: what each stage trains, what is asked of it, flags that make no networks."""

import dataclasses
import functools

import jax
import numpy as np
import pytest

from deeplearn import train as dl
from deeplearn.data import load
from deeplearn.errors import UserError
from deeplearn.models.autoregressive_prior import AutoregressivePrior
from deeplearn.models.clip import unit
from deeplearn.models.diffusion import Diffusion
from deeplearn.nn.functional import area_means
from deeplearn.text_to_image import dalle2_edits, dalle2_losses
from deeplearn.text_to_image.captions import asked
from deeplearn.text_to_image.dalle2 import system, with_components
from deeplearn.text_to_image.dalle2_config import UnclipConfig, need_unclip
from deeplearn.text_to_image.dalle2_drawing import picture_vectors, pictures, text_vectors, vectors_for
from deeplearn.text_to_image.dalle2_edits import (
    by_vector,
    completed,
    decoded,
    interpolated,
    taken_apart,
    turned,
    variations,
    wider_variations,
)
from deeplearn.text_to_image.dalle2_uses import half_visible, other_tones
from experiments.text_to_image.dalle2 import Config

TINY = {**Config.TINY, "sampling_steps": 4}


@pytest.fixture(scope="module")
def emoji(data_dir):
    return load("openmoji/people-16", data_dir)


@pytest.fixture(scope="module")
def system_of(emoji):
    """A function of flags: as `made`, once for the same flags."""
    return functools.cache(functools.partial(made, lambda: emoji))


def made(given, **changes):
    """A system with random weights everywhere, as a Trained; the system; a batch of four."""
    dataset = given()
    config = UnclipConfig(**{**TINY, **changes}, steps=2)
    own = system(config, dataset)
    batch = {**dataset.train.gather(np.arange(4)), "step": np.int32(0)}
    batch = {name: batch[name] for name in ("image", "tokens", "length", "label", "step")}

    def losses(model):
        return [turn.loss(model, batch) for stage in own.stages for turn in stage.turns]

    variables = jax.jit(functools.partial(own.model.init, method=losses))(jax.random.key(0))
    leaves, tree = jax.tree.flatten(variables["params"])
    rng = np.random.default_rng(0)
    params = [x + 0.1 * rng.normal(size=x.shape).astype(np.float32) for x in leaves]
    variables = {**variables, "params": jax.tree.unflatten(tree, params)}
    return dl.Trained(own.model, variables, jax.random.key(1), config), own, batch


def test_each_stage_trains_its_own_and_all_are_trained_once(emoji, system_of):
    trained, own, _ = system_of()
    assert (
        [stage.name for stage in own.stages]
        == ["clip", "prior", "decoder", "upsampler_8", "completer"]
        == [*trained.config.names, "completer"]
    )
    trains = [name for stage in own.stages for turn in stage.turns for name in turn.trains]
    assert sorted(trains) == sorted(trained.variables["params"])
    assert isinstance(own.model.prior, Diffusion) and own.model.prior.prediction == "x"
    assert [stage.noise_scale for stage in (own.model.decoder, *own.model.upsamplers)] == [8.0, 8.0]


def test_the_decoder_is_told_the_vector_or_the_caption_or_both_or_neither(emoji, system_of):
    """With all vectors and captions left out its loss does not depend on them."""
    trained, _, batch = system_of()
    other = {**batch, "tokens": batch["tokens"][::-1].copy(), "length": batch["length"][::-1].copy()}
    nothing_said = dataclasses.replace(trained.config, drop_vector=1.0, drop_text=1.0)
    words_said = dataclasses.replace(trained.config, drop_vector=1.0, drop_text=0.0)
    for config, same in ((nothing_said, True), (words_said, False)):
        loss = functools.partial(dalle2_losses.decode, config=config)
        one, two = (trained(loss, each)[0] for each in (batch, other))
        assert (one == two) == same


def test_noised_vectors_keep_their_length_and_lose_up_to_what_is_said():
    """In many dimensions v + s·g has the cosine 1/√(1 + s²) with v."""
    vector = np.tile(np.eye(1, 512, dtype=np.float32), (4000, 1))
    made = np.asarray(dalle2_losses.noised(vector, 0.7, jax.random.key(0)))
    np.testing.assert_allclose(np.linalg.norm(made, axis=1), 1, rtol=1e-4)
    cosine = made[:, 0]
    assert cosine.min() == pytest.approx(1 / np.sqrt(1 + 0.7**2), abs=0.07) and cosine.max() > 0.99
    levels = np.linspace(0, 0.7, 1001)
    assert cosine.mean() == pytest.approx((1 / np.sqrt(1 + levels**2)).mean(), abs=0.01)
    np.testing.assert_allclose(dalle2_losses.noised(vector, 0.0, jax.random.key(0)), vector, atol=1e-6)


def test_pictures_of_every_stage_are_within_pixels_bounds_and_follow_the_vector(emoji, system_of):
    trained, _, batch = system_of()
    config, told = trained.config, (batch["tokens"], batch["length"])
    small, large = pictures(trained, config, 3, *told)
    assert small.shape == (4, 4, 4, 3) and large.shape == (4, 8, 8, 3)
    assert min(small.min(), large.min()) >= 0 and max(small.max(), large.max()) <= 1
    vector = np.asarray(trained(picture_vectors, batch["image"]))
    one, two = (pictures(trained, config, 3, *told, each)[0] for each in (vector, vector[::-1]))
    assert np.abs(one - two).max() > 1e-4


def test_of_two_vectors_the_prior_keeps_the_nearer_to_the_caption(emoji, monkeypatch, system_of):
    trained, _, _ = system_of()
    rows = emoji.train.gather(np.arange(40))  # so many that the second is nearer to some
    captions = rows["tokens"], rows["length"]
    drawn = vectors_for(trained, trained.config, *captions)
    np.testing.assert_allclose(np.linalg.norm(drawn, axis=1), 1, rtol=1e-5)
    monkeypatch.setattr("deeplearn.text_to_image.dalle2_drawing.DRAWS", 1)
    alone = vectors_for(trained, trained.config, *captions)
    near, near_alone = ((each * trained(text_vectors, *captions)).sum(1) for each in (drawn, alone))
    assert (near >= near_alone - 1e-6).all() and (near > near_alone + 1e-4).any()


def test_a_picture_comes_back_from_its_vector_and_noise(emoji, system_of):
    """Up and down again with many levels; the picture itself is only as near as the levels allow."""
    trained, _, _ = system_of()
    config = dataclasses.replace(trained.config, sampling_steps=40)
    rows = emoji.test.gather(np.arange(2))
    vector, noise = taken_apart(trained, config, rows)
    again = decoded(trained, config, rows, vector, noise)
    error = np.abs(again - area_means(rows["image"], 4))
    assert error.max() < 0.15, error.max()
    assert by_vector(trained, vector, rows)(noise, np.ones(2, np.float32))[0].shape == noise.shape


def test_changes_of_pictures(emoji, system_of):
    """A way ends where it should; a difference of nothing changes nothing; what is given of a picture stays."""
    trained, _, _ = system_of()
    config, (own, wanted) = trained.config, other_tones(emoji)
    own, wanted = ({key: column[:2] for key, column in rows.items()} for rows in (own, wanted))
    ends = interpolated(trained, config, own, wanted, np.array([0.0, 1.0]))
    for end, rows in zip(ends, (own, wanted), strict=True):
        vector, noise = taken_apart(trained, config, rows)
        np.testing.assert_allclose(end, decoded(trained, config, own, vector, noise), atol=1e-4)
    unguided = dataclasses.replace(config, guidance=0.0)
    turns = turned(trained, unguided, own, wanted, np.array([0.0, 0.5]))
    np.testing.assert_allclose(turns[0], ends[0], atol=1e-4)
    assert np.abs(turns[1] - turns[0]).max() > 1e-4
    assert config.guidance and np.abs(turned(trained, config, own, wanted, np.array([0.5])) - turns[1]).max() > 1e-4
    again = variations(trained, config, own, 2)
    assert again.shape == (2, 2, 4, 4, 3) and np.abs(again[1] - again[0]).max() > 1e-3
    hidden, visible = completed(trained, config, own, half_visible(4)), half_visible(4)[..., 0]
    np.testing.assert_allclose(hidden[:, visible], area_means(own["image"], 4)[:, visible], atol=1e-5)


def test_near_directions_are_those_in_which_the_nearest_differ():
    """Pairs of vectors, far from each other, that differ along the last axis and a little along that before."""
    rng = np.random.default_rng(0)
    centres = np.concatenate([unit(rng.normal(size=(30, 8))), np.zeros((30, 2))], axis=1)
    apart = np.eye(10)[9] * 0.2 + np.eye(10)[8] * rng.normal(size=(30, 1)) * 0.05
    directions = dalle2_edits.near_directions(
        np.asarray(unit(np.concatenate([centres + apart, centres - apart]))), 2
    )
    np.testing.assert_allclose(np.abs(directions[:, :7:-1]), np.eye(2), atol=0.1)
    np.testing.assert_allclose(directions @ directions.T, np.eye(2), atol=1e-5)


def test_wider_variations_have_other_vectors_only_where_near_pictures_differ(emoji, system_of, monkeypatch):
    trained, _, _ = system_of()
    own, told = emoji.test.gather(np.arange(3)), []
    monkeypatch.setattr(dalle2_edits, "FREE", 2)
    monkeypatch.setattr(
        dalle2_edits, "decoded", lambda trained, config, rows, z, noise, sampler: told.append(z) or noise
    )
    assert wider_variations(trained, trained.config, own, 2, emoji).shape == (2, 3, 4, 4, 3)
    known = trained.over(picture_vectors, emoji.train.arrays()["image"])
    directions = dalle2_edits.near_directions(np.asarray(known), 2)
    vector = np.asarray(trained(picture_vectors, own["image"]))
    rest, inside = vector - vector @ directions.T @ directions, np.asarray(told) @ directions.T
    for one, own_inside in zip(np.asarray(told), inside, strict=True):
        outside = one - one @ directions.T @ directions
        np.testing.assert_allclose(unit(outside), unit(rest), atol=1e-4)
        longer = np.linalg.norm(rest, axis=1, keepdims=True) / np.linalg.norm(outside, axis=1, keepdims=True)
        from_known = np.abs((own_inside * longer)[:, None] - known @ directions.T).max(-1)
        assert from_known.min(1).max() < 1e-4  # of a training picture
    assert np.abs(inside[0] - inside[1]).max() > 1e-4


def test_other_tones_are_the_same_in_another_tone(emoji):
    own, wanted = other_tones(emoji)
    assert len(own["tone"]) == 100 and (own["held_out"] == 1).all()
    assert (own["kind"] == wanted["kind"]).all() and (own["person"] == wanted["person"]).all()
    assert (own["tone"] != wanted["tone"]).all() and wanted["tone"].min() > 0


def test_the_autoregressive_prior_s_components_are_those_of_trained_vectors(emoji, system_of):
    trained, own, batch = system_of(prior="autoregressive", components=3, levels=4)
    assert isinstance(own.model.prior, AutoregressivePrior) and own.stages[1].start is not None
    found = with_components(trained.variables, trained.config, emoji, own.model)["components"]["prior"]
    vectors = trained.over(picture_vectors, emoji.train.arrays()["image"])
    np.testing.assert_allclose(found["mean"], vectors.mean(0), atol=1e-5)
    ready = dl.Trained(own.model, own.stages[1].start(trained.variables), trained.key, trained.config)
    drawn = vectors_for(ready, trained.config, batch["tokens"], batch["length"])
    np.testing.assert_allclose(np.linalg.norm(drawn, axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ({"sides": (8, 4)}, "--sides=8,4 should rise"),
        ({"places": (3, 4)}, "4 pixels cannot be cut into 3 places"),
        ({"places": (4, 1)}, "8 pixels cannot be cut into 1 places and halved"),
        ({"widths": (12,)}, "a width of 12 should be a multiple of 8"),
        ({"widths": (104,)}, "a last width of 104 channels cannot be dealt to heads"),
        ({"prior_width": 6}, "--prior_width=6 should be a multiple of four"),
        ({"network": "published"}, "--network=published: 4 pixels of a side should be a multiple of 8"),
        ({"network": "published", "sides": (8, 16), "prior": "autoregressive"}, "has a diffusion prior"),
        ({"prior": "autoregressive", "components": 9}, "--components=9 are more than --features=8"),
    ],
)
def test_flags_that_make_no_networks(emoji, flags, says):
    with pytest.raises(UserError) as error:
        need_unclip(UnclipConfig(**{**TINY, **flags}), emoji)
    assert says in str(error.value)


def test_a_text_is_drawn(emoji, system_of):
    from experiments.text_to_image.dalle2 import images

    trained, _, _ = system_of()
    found = images(trained, emoji, 2, text="woman judge: dark skin tone", guidance=0.0)
    assert found.shape == (2, 8, 8, 3) and np.abs(found[0] - found[1]).max() > 1e-4
    assert asked("woman judge: dark skin tone", emoji, open_ended=False)[0].shape[0] == 1
    with pytest.raises(UserError, match="the text is empty"):
        images(trained, emoji, 3)
