"""Recommendation: the losses by loops, what the networks may see, and MovieLens as TFDS prepares it."""

import codecs
import sys

import jax
import numpy as np
import pytest
import tensorflow_datasets as tfds

from deeplearn import data
from deeplearn.data import Arrays, Dataset
from deeplearn.errors import UserError
from deeplearn.train import Rivals
from deeplearn.train.launch import parse
from experiments.autoencoders import recommendation
from experiments.autoencoders.recommendation import denoising, inputs, multinomial, plain

from .pretend import pretend


@pytest.fixture(scope="module")
def bound():
    """(experiment, variables with random biases, a batch of five users)."""
    experiment = recommendation.build(recommendation.Config(hidden=(6,)), pretend("ratings"))
    batch = {key: value[:5] for key, value in experiment.data.train.arrays().items()}
    variables = experiment.model.init(jax.random.key(0), batch["rating"], method=touch)
    rng = np.random.default_rng(0)
    return (
        experiment,
        jax.tree.map(lambda x: x + 0.1 * rng.normal(size=x.shape).astype(np.float32), variables),
        batch,
    )


def touch(model: Rivals, rating):
    return [model[name](np.concatenate([rating, rating], axis=1)) for name in model.makers]


def by_loops(experiment, variables, batch, name, shown):
    """The network's output [users, films] when of each user's ratings those in `shown` are seen."""
    out = []
    for rating, bias, mask in zip(batch["rating"], batch["bias"], shown, strict=True):
        seen = np.zeros(2 * len(rating))
        for film in np.flatnonzero(mask):
            seen[film] = (rating[film] - bias[film]) / np.sqrt(mask.sum())
            seen[len(rating) + film] = 1 / np.sqrt(mask.sum())
        layers = variables["params"][name]
        hidden = np.maximum(seen @ layers["Dense_0"]["kernel"] + layers["Dense_0"]["bias"], 0)
        out.append(hidden @ layers["Dense_1"]["kernel"] + layers["Dense_1"]["bias"])
    return np.array(out)


def test_plain_loss_counts_observed_ratings_only(bound):
    experiment, variables, batch = bound
    observed = batch["rating"] > 0
    out = by_loops(experiment, variables, batch, "plain", observed)
    errors = [
        (batch["rating"][at] - batch["bias"][at] - out[at]) ** 2 for at in zip(*np.nonzero(observed), strict=True)
    ]
    loss, _ = experiment.model.apply(variables, batch, method=plain)
    assert loss == pytest.approx(np.mean(errors), rel=1e-5)


@pytest.mark.parametrize("name", ["denoising", "multinomial"])
def test_what_is_hidden_is_predicted_from_what_is_shown(bound, name, monkeypatch):
    experiment, variables, batch = bound
    observed = batch["rating"] > 0
    shown = observed & (np.random.default_rng(0).random(observed.shape) < 0.5)
    monkeypatch.setattr(jax.random, "bernoulli", lambda key, share, shape: jax.numpy.asarray(shown | ~observed))
    loss = {"denoising": denoising, "multinomial": multinomial}[name]
    found, _ = experiment.model.apply(variables, batch, 0.5, method=loss, rngs={"params": jax.random.key(0)})
    out, terms = by_loops(experiment, variables, batch, name, shown), []
    for at in zip(*np.nonzero(observed & ~shown), strict=True):
        if name == "denoising":
            terms.append((batch["rating"][at] - batch["bias"][at] - out[at]) ** 2)
        elif batch["rating"][at] >= 4:
            terms.append(np.log(np.exp(out[at[0]]).sum()) - out[at])
    assert found == pytest.approx(np.mean(terms), rel=1e-5)


def test_inputs_show_nothing_of_held_out_ratings():
    """Other held-out ratings, of the same users and films, are another truth but the same inputs and biases."""
    dataset = pretend("ratings")
    columns = dict(dataset.test.arrays())
    changed = Arrays({**columns, "user_rating": 5.5 - columns["user_rating"]})
    other = Dataset(dataset.name, dataset.train, dataset.validation, changed)
    here, there = (recommendation.rows_of_users(d).test.arrays() for d in (dataset, other))
    for key in ("rating", "bias"):
        np.testing.assert_array_equal(here[key], there[key])
    assert not np.array_equal(here["held_out"], there["held_out"])
    assert not ((here["rating"] > 0) & (here["held_out"] > 0)).any()
    user, film, stars = columns["user_id"], columns["movie_id"], columns["user_rating"]
    np.testing.assert_array_equal(here["held_out"][user, film], stars)
    shown = inputs(here, here["rating"] > 0)
    np.testing.assert_allclose(np.square(shown[:, 12:]).sum(1), 1, rtol=1e-5)


@pytest.fixture
def movielens(tmp_path, monkeypatch):
    """GroupLens's files of 30 ratings, prepared by TFDS's own builder, parser and writer."""
    files = tmp_path / "ml-100k"
    files.mkdir()
    rng = np.random.default_rng(0)
    ratings = [(405 + n % 5, 1 + n // 5, int(rng.integers(1, 6))) for n in range(30)]
    (files / "u.data").write_text(
        "".join(f"{user}\t{film}\t{stars}\t88125{user}\n" for user, film, stars in ratings)
    )
    genres = "|".join("0" * 18 + "1")
    lines = "".join(f"{film}|Film é {film} (1995)|01-Jan-1995||url|{genres}\n" for film in range(1, 7))
    (files / "u.item").write_bytes(codecs.encode(lines, "ISO-8859-1"))
    (files / "u.user").write_text("".join(f"{user}|24|M|technician|85711\n" for user in range(405, 410)))
    manager = tfds.download.DownloadManager
    monkeypatch.setattr(manager, "download_and_extract", lambda self, url: tmp_path)
    monkeypatch.setattr("deeplearn.data.foreign._answers", lambda url: True)
    return {(user, film): stars for user, film, stars in ratings}


def test_movielens_is_read_by_name(movielens, tmp_path):
    dataset = data.load("movielens/100k-ratings", tmp_path / "tfds")
    assert "tensorflow" not in sys.modules
    read = {}
    for split in (dataset.train, dataset.validation, dataset.test):
        columns = split.arrays()
        read |= dict(
            zip(zip(columns["user_id"], columns["movie_id"], strict=True), columns["user_rating"], strict=True)
        )
    assert read == movielens
    config = parse(recommendation.Config, ["--dataset=movielens/100k-ratings", "--batch_size=5"])
    experiment = recommendation.build(config, dataset)
    assert experiment.data.train.spec["rating"].shape == (6,) and len(experiment.data.train) == 5


def test_other_data_are_refused():
    with pytest.raises(UserError, match="no ratings of films by users"):
        recommendation.build(recommendation.Config(), pretend("digits"))
