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
from deeplearn.models.mlp import MLP
from deeplearn.train.flags import parse
from deeplearn.train.parallel import Layout
from deeplearn.train.trained import Trained
from deeplearn.train.trainer import Trainer
from experiments.autoencoders import recommendation
from experiments.autoencoders.recommendation import denoising, inputs, multinomial, plain

from .pretend import pretend


@pytest.fixture(scope="module")
def bound():
    """(a system's model, its variables with random biases, a batch of five users)."""
    columns = recommendation.rows_of_users(pretend("ratings")).train.arrays()
    batch = {key: value[:5] for key, value in columns.items()}
    model = MLP((6,), batch["rating"].shape[1])
    variables, rng = model.init(jax.random.key(0), batch, method=plain), np.random.default_rng(0)
    return model, jax.tree.map(lambda x: x + 0.1 * rng.normal(size=x.shape).astype(np.float32), variables), batch


def by_loops(variables, batch, shown):
    """The network's output [users, films] when of each user's ratings those in `shown` are seen."""
    out = []
    for rating, bias, mask in zip(batch["rating"], batch["bias"], shown, strict=True):
        seen = np.zeros(2 * len(rating))
        for film in np.flatnonzero(mask):
            seen[film] = (rating[film] - bias[film]) / np.sqrt(mask.sum())
            seen[len(rating) + film] = 1 / np.sqrt(mask.sum())
        layers = variables["params"]
        hidden = np.maximum(seen @ layers["Dense_0"]["kernel"] + layers["Dense_0"]["bias"], 0)
        out.append(hidden @ layers["Dense_1"]["kernel"] + layers["Dense_1"]["bias"])
    return np.array(out)


def test_plain_loss_counts_observed_ratings_only(bound):
    model, variables, batch = bound
    observed = batch["rating"] > 0
    out = by_loops(variables, batch, observed)
    errors = [
        (batch["rating"][at] - batch["bias"][at] - out[at]) ** 2 for at in zip(*np.nonzero(observed), strict=True)
    ]
    loss, _ = model.apply(variables, batch, method=plain)
    assert loss.value == pytest.approx(np.mean(errors), rel=1e-5)
    assert loss.weight == observed.sum()


@pytest.mark.parametrize("name", ["denoising", "multinomial"])
def test_what_is_hidden_is_predicted_from_what_is_shown(bound, name, monkeypatch):
    model, variables, batch = bound
    observed = batch["rating"] > 0
    shown = observed & (np.random.default_rng(0).random(observed.shape) < 0.5)
    monkeypatch.setattr(jax.random, "bernoulli", lambda key, p, shape: jax.numpy.asarray(shown | ~observed))
    loss = {"denoising": denoising, "multinomial": multinomial}[name]
    found, _ = model.apply(variables, batch, 0.5, method=loss, rngs={"params": jax.random.key(0)})
    out, terms = by_loops(variables, batch, shown), []
    for at in zip(*np.nonzero(observed & ~shown), strict=True):
        if name == "denoising":
            terms.append((batch["rating"][at] - batch["bias"][at] - out[at]) ** 2)
        elif batch["rating"][at] >= 4:
            terms.append(np.log(np.exp(out[at[0]]).sum()) - out[at])
    assert found.value == pytest.approx(np.mean(terms), rel=1e-5)


def learned(accumulate):
    """(Values that are logged of the first step and the weights after it, both of `plain`)."""
    config = parse(
        recommendation.Config, ["--batch_size=8", "--hidden=6", f"--accumulate={accumulate}", "--log_every=1"]
    )
    trainer = Trainer(recommendation.build(config, pretend("ratings")), config, Layout())
    states, metrics, step = trainer.advance(trainer.initial(), 0, 1)
    values = trainer.read(step, metrics)[1]
    logged = {name: value for name, value in values.items() if name.startswith("plain/")}
    return logged, states[0].params["plain"]


def test_what_is_learned_does_not_depend_on_how_the_batch_is_cut():
    """Users have different numbers of ratings, so a mean of means of parts would be another number."""
    (whole, after), (parts, again) = learned(1), learned(4)
    assert whole.keys() == parts.keys() >= {"plain/loss", "plain/gradient_norm"}
    for name, value in whole.items():
        np.testing.assert_allclose(parts[name], value, rtol=1e-5, err_msg=name)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), after, again)


def test_validation_does_not_depend_on_where_its_blocks_are_cut(bound):
    model, variables, _ = bound
    columns = recommendation.rows_of_users(pretend("ratings")).validation.arrays()
    trained = Trained(model, variables, jax.random.key(1))
    found = [trained.mean(recommendation.validate, columns, size=size)["mse"] for size in (3, 16)]
    assert found[0] == pytest.approx(found[1], rel=1e-6)


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
