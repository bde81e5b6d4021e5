"""Recommendation: autoencoders over a user's row of ratings, against matrix factorisation and popularity.

    python -m experiments.autoencoders.recommendation --replicas=5
    python -m experiments.autoencoders.recommendation --dataset=movielens/100k-ratings --replicas=5

AutoRec (Sedhain et al. 2015) over users: in goes the row of ratings, what was not rated as 0, out come ratings of
every film, and the squared error counts where a rating was observed. Ratings enter as deviations from the biases
of user and film, beside a mask of what was rated; both are divided by the root of the number of ratings. `plain`
is trained to give back what it sees. `denoising` has a share of the ratings hidden and is trained on the hidden
ones alone, which is what it is tested on. `multinomial` ranks: the same, with the log-likelihood of the hidden
films that were liked (Mult-DAE, Liang et al. 2018). Ratings are split, not users: every user is known.

A film is liked from four stars on; recall and NDCG at 20 are of held-out films that a user liked, among all films
that the user has not rated in training. In the experiment's own row `rmse` is the denoising network's, the ranking
is the multinomial's. Baselines, their sizes chosen on the validation split: biases, matrix factorisation by
alternating least squares (ratings), its weighted form for implicit feedback (likes), and popularity. On `ratings`
the noise is known, and with it the least possible RMSE.

The sizes were chosen on the validation split of `ratings`, one seed, about 35 settings. Measured, five seeds,
test: RMSE .5544 ± .0001 denoising, .5682 ± .0001 plain, .5548 ± .0024 matrix factorisation (five starts), .696
biases, .491 the least possible. NDCG at 20: .226 ± .000 multinomial, .218 factorisation of likes, .154
popularity; recall at 20 .353 ± .001, .349 and .254. Most of the 8 minutes on one core is the search of the
factorisations' sizes.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import optax

from deeplearn.baselines.matrix_factorisation import SEEDS, factorisations, fit
from deeplearn.data import Arrays, Dataset
from deeplearn.data.ratings import tables
from deeplearn.errors import UserError
from deeplearn.figures.plots import curves
from deeplearn.metrics.ranking import recall_at
from deeplearn.metrics.ratings import LIKED, among_unseen, ranked, rmse
from deeplearn.metrics.verdict import verdict
from deeplearn.models.mlp import MLP
from deeplearn.optim.optimizers import optimizer
from deeplearn.train import Batch, Experiment, Metrics, Rivals, Stage, Trained, Turn, flag, launch
from deeplearn.train import Config as BaseConfig
from deeplearn.train.results import summary


@dataclasses.dataclass(frozen=True)
class Config(BaseConfig):
    dataset: str = "ratings"
    steps: int = 2000
    hidden: tuple[int, ...] = flag((200,), "widths of the hidden layers")
    hide: float = flag(0.3, "denoising: share of the ratings that are hidden", min=0.01, max=0.99)
    hide_ranked: float = flag(0.5, "multinomial: share of the ratings that are hidden", min=0.01, max=0.99)
    l2: float = flag(3e-4, "denoising: weight of ‖W‖²/2 in the loss", min=0)
    l2_plain: float = flag(5e-4, "plain: the same", min=0)
    l2_ranked: float = flag(6e-4, "multinomial: the same", min=0)
    learning_rate: float = flag(2e-3, "Adam's rate at the start; falls to 0 along a cosine", min=0)

    PAPER: ClassVar[dict[str, Any]] = {"dataset": "movielens/100k-ratings", "hidden": (500,)}
    TINY: ClassVar[dict[str, Any]] = {"hidden": (4,)}


def inputs(batch: Batch, shown: jax.Array) -> jax.Array:
    """Deviations of the ratings from their biases and the mask `shown` of what may be seen: [B, 2 items]."""
    root = jnp.sqrt(jnp.maximum(shown.sum(-1, keepdims=True), 1))
    return jnp.concatenate([shown * (batch["rating"] - batch["bias"]), shown], axis=-1) / root


def hidden_part(model: Rivals, batch: Batch, share: float) -> tuple[jax.Array, jax.Array]:
    """Observed ratings in two parts by chance, masks [B, items]: shown, and hidden with probability `share`."""
    observed = (batch["rating"] > 0).astype(jnp.float32)
    shown = observed * jax.random.bernoulli(model.make_rng("noise"), 1 - share, observed.shape)
    return shown, observed - shown


def masked_mse(error: jax.Array, mask: jax.Array) -> jax.Array:
    """Mean of squared errors over the entries of `mask` in the batch, 0 without any."""
    return (mask * jnp.square(error)).sum() / jnp.maximum(mask.sum(), 1)


def plain(model: Rivals, batch: Batch) -> tuple[jax.Array, Metrics]:
    observed = (batch["rating"] > 0).astype(jnp.float32)
    deviation = model["plain"](inputs(batch, observed)).astype(jnp.float32)
    return masked_mse(batch["rating"] - batch["bias"] - deviation, observed), {}


def denoising(model: Rivals, batch: Batch, share: float) -> tuple[jax.Array, Metrics]:
    shown, hidden = hidden_part(model, batch, share)
    deviation = model["denoising"](inputs(batch, shown)).astype(jnp.float32)
    return masked_mse(batch["rating"] - batch["bias"] - deviation, hidden), {}


def multinomial(model: Rivals, batch: Batch, share: float) -> tuple[jax.Array, Metrics]:
    shown, hidden = hidden_part(model, batch, share)
    liked = hidden * (batch["rating"] >= LIKED)
    log_p = jax.nn.log_softmax(model["multinomial"](inputs(batch, shown)).astype(jnp.float32))
    return -(liked * log_p).sum() / jnp.maximum(liked.sum(), 1), {}


def predict(model: Rivals, batch: Batch, network: str) -> jax.Array:
    """Ratings, or scores of the multinomial, for every film from all training ratings of a user: [B, items]."""
    output = model[network](inputs(batch, (batch["rating"] > 0).astype(jnp.float32)))
    return output if network == "multinomial" else batch["bias"] + output


def validate(model: Rivals, batch: Batch) -> Metrics:
    mask = (batch["held_out"] > 0).astype(jnp.float32)
    errors = {name: batch["held_out"] - predict(model, batch, name) for name in ("plain", "denoising")}
    return {f"{name}_mse": masked_mse(error, mask) for name, error in errors.items()}


def evaluate(trained: Trained, dataset: Dataset) -> dict[str, Any]:
    rows = dataset.test.arrays()
    given = {name: rows[name] for name in ("rating", "bias")}
    out = {name: trained.over(predict, given, network=name) for name in trained.model.makers}
    ratings = {name: {"rmse": rmse(out[name], rows), **ranked(out[name], rows)} for name in ("plain", "denoising")}
    own = {"rmse": ratings["denoising"]["rmse"], **ranked(out["multinomial"], rows)}
    return {**own, **ratings, "multinomial": ranked(out["multinomial"], rows)}


def baselines(
    trained: Trained, dataset: Dataset, factorised: Callable[[], dict[str, list[np.ndarray]]], least: float | None
) -> dict[str, Any]:
    rows = dataset.test.arrays()
    popularity = np.broadcast_to((rows["rating"] >= LIKED).sum(0), rows["rating"].shape)
    known = {} if least is None else {"least possible: the expected rating": {"rmse": least}}
    return {
        f"matrix factorisation, {SEEDS} starts": summary(
            [{"rmse": rmse(p, rows), **ranked(p, rows)} for p in factorised()["ratings"]]
        ),
        f"factorisation of likes, {SEEDS} starts": summary([ranked(p, rows) for p in factorised()["likes"]]),
        "biases of user and film": {"rmse": rmse(rows["bias"], rows)},
        "popularity": ranked(popularity, rows),
        **known,
    }


def conclude(replicas: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    gains = [replica["plain"]["rmse"] - replica["denoising"]["rmse"] for replica in replicas]
    return {"hiding what is to be predicted lowers the RMSE of a plain autoencoder": verdict(gains)}


def draw(
    trained: Trained, dataset: Dataset, factorised: Callable[[], dict[str, list[np.ndarray]]]
) -> dict[str, Any]:
    rows = dataset.test.arrays()
    given = {name: rows[name] for name in ("rating", "bias")}
    ratings = {
        "denoising": trained.over(predict, given, network="denoising"),
        "factorisation": factorised()["ratings"][0],
        "biases": rows["bias"],
    }
    number = (rows["rating"] > 0).sum(0)  # of ratings, by film
    parts = np.array_split(np.argsort(number, kind="stable"), 8)
    parts = [part for part in parts if (rows["held_out"][:, part] > 0).any()]
    few = [float(number[part].mean()) for part in parts]
    cuts = [{"rating": rows["rating"], "held_out": rows["held_out"][:, part]} for part in parts]
    by_film = {
        name: (few, [rmse(predicted[:, part], cut) for part, cut in zip(parts, cuts, strict=True)])
        for name, predicted in ratings.items()
    }

    scores = {
        "multinomial": trained.over(predict, given, network="multinomial"),
        "factorisation of likes": factorised()["likes"][0],
        "popularity": np.broadcast_to((rows["rating"] >= LIKED).sum(0), rows["rating"].shape),
    }
    tops = [k for k in (1, 2, 5, 10, 20, 50, 100) if k <= rows["rating"].shape[1]]
    by_top = {}
    for name, score in scores.items():
        liked, ordered = among_unseen(score, rows)
        by_top[name] = (tops, [float(recall_at(k, liked, ordered).mean()) for k in tops])
    return {
        "rmse_by_film": curves(by_film, "training ratings of a film", "RMSE in stars", log_x=True),
        "recall": curves(by_top, "films recommended", "recall of liked films", log_x=True),
    }


def rows_of_users(dataset: Dataset) -> Dataset:
    """The ratings as rows of users, [items] each, 0 where there is none: `rating` those to learn from, `held_out`
    those of the validation or the test split, `bias` the prediction of the biases of user and film."""
    table = tables(dataset)
    rating = table.pop("train")
    bias = fit(rating, (rating > 0).astype(float), rank=0, penalty=3.0).predict().astype(np.float32)
    known = {"rating": rating, "bias": bias}
    held_out = {split: Arrays({**known, "held_out": stars}) for split, stars in table.items()}
    return Dataset(dataset.name, Arrays(known), **held_out)


def build(config: Config, dataset: Dataset) -> Experiment:
    if not {"user_id", "movie_id", "user_rating"} <= set(dataset.train.spec):
        raise UserError(f"--dataset={config.dataset} has no ratings of films by users: say ratings or movielens/…")
    test = dataset.test.arrays()
    least = None
    if "expected_rating" in test:
        least = float(np.sqrt(np.square(test["user_rating"] - test["expected_rating"]).mean()))
    rows = rows_of_users(dataset)
    items = rows.train.spec["rating"].shape[0]
    rate = optax.cosine_decay_schedule(config.learning_rate, config.steps)
    losses: dict[str, tuple[Callable[..., Any], float]] = {
        "plain": (plain, config.l2_plain),
        "denoising": (functools.partial(denoising, share=config.hide), config.l2),
        "multinomial": (functools.partial(multinomial, share=config.hide_ranked), config.l2_ranked),
    }
    factorised = functools.cache(lambda: factorisations(rows.validation.arrays()))
    return Experiment(
        model=Rivals(dict.fromkeys(losses, functools.partial(MLP, config.hidden, items))),
        stages=[
            Stage(
                [Turn(loss, trains=(name,), called=name) for name, (loss, _) in losses.items()],
                {name: optimizer("adam", rate, l2=l2) for name, (_, l2) in losses.items()},
                config.steps,
            )
        ],
        data=rows,
        evaluate=evaluate,
        validate=validate,
        best="-denoising_mse",
        baselines=functools.partial(baselines, factorised=factorised, least=least),
        conclude=conclude,
        figures=functools.partial(draw, factorised=factorised),
        dense=True,
        watch=tuple(f"{name}/loss" for name in losses),
    )


if __name__ == "__main__":
    launch(Config, build)
