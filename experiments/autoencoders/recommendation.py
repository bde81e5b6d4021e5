"""Recommendation: autoencoders over a user's row of ratings, against matrix factorisation and popularity.

    python -m experiments.autoencoders.recommendation --replicas=5
    python -m experiments.autoencoders.recommendation --dataset=movielens/100k-ratings --replicas=5

AutoRec (Sedhain et al. 2015) over users: the input is the row of ratings, 0 where there is none, the output ratings
of every film, and the squared error counts only observed ratings. Inputs are ratings minus the biases of user and
film, and a mask of rated films; both are divided by the square root of the number of ratings. `denoising`, the
experiment's own row, hides a fraction of the ratings and is trained only on the hidden ones, which matches the
test. `plain` is trained to reconstruct its input. `multinomial` ranks: it is trained like `denoising`, with the
log-likelihood of the hidden films that were liked (Mult-DAE, Liang et al. 2018). Ratings are split, not users:
every user is in training.

A film is liked from four stars on; recall and NDCG at 20 are of held-out films that a user liked, among all films
that the user has not rated in training. Baselines, their sizes chosen on the validation split: biases, matrix
factorisation by alternating least squares (ratings), its weighted form for implicit feedback (likes), and
popularity. On `ratings` the noise is known, and with it the least possible RMSE.
"""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from deeplearn import train as dl
from deeplearn.baselines.matrix_factorisation import fit, recommenders
from deeplearn.data import Arrays, Dataset
from deeplearn.data.ratings import tables
from deeplearn.errors import UserError
from deeplearn.figures.plots import curves
from deeplearn.metrics.ratings import LIKED, ranked, recall_curve, rmse, rmse_by_film
from deeplearn.models.mlp import MLP

EXPECTED = "least possible: the expected rating"


@dataclasses.dataclass(frozen=True)
class Config(dl.OptimizerConfig):
    dataset: str = "ratings"
    steps: int = 2000
    hidden: tuple[int, ...] = dl.flag((200,), "widths of the hidden layers", min=1)
    hide: float = dl.flag(0.3, "denoising: fraction of the ratings that are hidden", min=0.01, max=0.99)
    hide_ranked: float = dl.flag(0.5, "multinomial: fraction of the ratings that are hidden", min=0.01, max=0.99)
    l2: float = dl.flag(3e-4, "denoising: penalty on Σw²/2 of kernels", min=0)
    l2_plain: float = dl.flag(5e-4, "plain: the same penalty", min=0)
    l2_ranked: float = dl.flag(6e-4, "multinomial: the same penalty", min=0)

    PAPER = {"dataset": "movielens/100k-ratings", "hidden": (500,)}
    TINY = {"hidden": (4,)}


def inputs(batch: dl.Batch, shown: jax.Array) -> jax.Array:
    """Ratings minus their biases, and the mask `shown` of visible ratings: [B, 2 items]."""
    root = jnp.sqrt(jnp.maximum(shown.sum(-1, keepdims=True), 1))
    return jnp.concatenate([shown * (batch["rating"] - batch["bias"]), shown], axis=-1) / root


def observed(batch: dl.Batch) -> jax.Array:
    return (batch["rating"] > 0).astype(jnp.float32)


def hidden_part(model: MLP, batch: dl.Batch, fraction: float) -> tuple[jax.Array, jax.Array]:
    """Observed ratings in two random parts, masks [B, items]: shown, and hidden with probability `fraction`."""
    mask = observed(batch)
    shown = mask * jax.random.bernoulli(model.make_rng("noise"), 1 - fraction, mask.shape)
    return shown, mask - shown


def squared_error(model: MLP, batch: dl.Batch, shown: jax.Array, counted: jax.Array) -> dl.Mean:
    """The squared error of the ratings that count, predicted from those that are shown."""
    output = model(inputs(batch, shown)).astype(jnp.float32)
    return dl.Mean.of(jnp.square(batch["rating"] - batch["bias"] - output), counted)


def plain(model: MLP, batch: dl.Batch) -> dl.Losses:
    return squared_error(model, batch, observed(batch), observed(batch)), {}


def denoising(model: MLP, batch: dl.Batch, fraction: float) -> dl.Losses:
    return squared_error(model, batch, *hidden_part(model, batch, fraction)), {}


def multinomial(model: MLP, batch: dl.Batch, fraction: float) -> dl.Losses:
    shown, hidden = hidden_part(model, batch, fraction)
    log_p = jax.nn.log_softmax(model(inputs(batch, shown)).astype(jnp.float32))
    return dl.Mean.of(-log_p, hidden * (batch["rating"] >= LIKED)), {}


def scores(model: MLP, batch: dl.Batch) -> jax.Array:
    """For every film, from all training ratings of a user: [B, items]."""
    return model(inputs(batch, observed(batch)))


def ratings(model: MLP, batch: dl.Batch) -> jax.Array:
    return batch["bias"] + scores(model, batch)


def validate(model: MLP, batch: dl.Batch) -> dl.Metrics:
    return {"mse": dl.Mean.of(jnp.square(batch["held_out"] - ratings(model, batch)), batch["held_out"] > 0)}


def predict(trained: dl.Trained, function: Callable[..., jax.Array], rows: dl.Batch) -> np.ndarray:
    predicted: np.ndarray = trained.over(function, {name: rows[name] for name in ("rating", "bias")})
    return predicted


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    rows = dataset.test.arrays()
    predicted = predict(trained, ratings, rows)
    return dl.ours({"rmse": rmse(predicted, rows), **ranked(predicted, rows)}, predicted=predicted)


def evaluate_ranking(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    rows = dataset.test.arrays()
    predicted = predict(trained, scores, rows)
    return dl.ours(ranked(predicted, rows), predicted=predicted)


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    thunks: dict[str, Any] = recommenders(dataset.validation.arrays(), dataset.test.arrays())
    if "min_rmse" in dataset.about:
        thunks[EXPECTED] = lambda: dl.Measured({"rmse": dataset.about["min_rmse"]})
    return thunks


CLAIMS = (
    dl.Claim("hiding what is to be predicted lowers the RMSE of a plain autoencoder", dl.OURS, "plain", "-rmse"),
    dl.Claim("denoising has a lower RMSE than matrix factorisation", dl.OURS, "matrix factorisation", "-rmse"),
    dl.Claim(
        "the multinomial ranks better than the factorisation of likes",
        "multinomial",
        "factorisation of likes",
        "ndcg@20",
    ),
)


def figures(report: dl.Report) -> dict[str, Any]:
    def lines(measure: Callable[..., Any], *wanted: str) -> dict[str, Any]:
        """{row: (x, y)} of those rows that exist."""
        held_out, rows = report.dataset.test.arrays(), {**report.rows, "denoising": report.ours}
        return {name: measure(rows[name].arrays["predicted"], held_out) for name in wanted if name in rows}

    def by_film() -> Any:
        series = lines(rmse_by_film, "denoising", "matrix factorisation", "biases of user and item")
        return curves(series, "training ratings of a film", "RMSE in stars", log_x=True)

    def by_top() -> Any:
        series = lines(recall_curve, "multinomial", "factorisation of likes", "popularity")
        return curves(series, "films recommended", "recall of liked films", log_x=True)

    return {"rmse_by_film": by_film, "recall": by_top}


def rows_of_users(dataset: Dataset) -> Dataset:
    """The ratings as rows of users, [items] each, 0 where there is none: `rating` those to learn from, `held_out`
    those of the validation or the test split, `bias` the prediction of the biases of user and film."""
    table = tables(dataset)
    rating = table.pop("train")
    bias = fit(rating, (rating > 0).astype(float), rank=0, penalty=3.0).predict().astype(np.float32)
    known = {"rating": rating, "bias": bias}
    validation, held_out = (Arrays({**known, "held_out": table[split]}) for split in ("validation", "test"))
    test, about = dataset.test.arrays(), {}
    if "expected_rating" in test:
        error = test["user_rating"] - test["expected_rating"]
        about["min_rmse"] = float(np.sqrt(np.square(error).mean()))
    return Dataset(dataset.name, Arrays(known), validation, held_out, about=about)


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    if not {"user_id", "movie_id", "user_rating"} <= set(dataset.train.spec):
        raise UserError(f"--dataset={config.dataset} has no ratings of films by users: say ratings or movielens/…")
    rows = rows_of_users(dataset)
    held_out = [split.arrays()["held_out"] for split in (rows.validation, rows.test)]
    if held_out[0].shape[1] < 2 or not all((ratings >= LIKED).any() for ratings in held_out):
        wanted = f"two films, and in validation and test one with {LIKED} stars or more"
        raise UserError(f"--dataset={config.dataset} has nothing to rank: there should be {wanted}")
    model = MLP(config.hidden, rows.train.spec["rating"].shape[0])

    def stages(loss: Any, l2: float) -> list[dl.Stage]:
        return [dl.Stage([dl.Turn(loss)], config.chain(l2=l2), config.steps)]

    hiding = partial(denoising, fraction=config.hide)
    ranking = partial(multinomial, fraction=config.hide_ranked)
    rivals = {
        "denoising": dl.Rival(model, stages(hiding, config.l2), evaluate, validate),
        "plain": dl.Rival(model, stages(plain, config.l2_plain), evaluate, validate),
        "multinomial": dl.Rival(model, stages(ranking, config.l2_ranked), evaluate_ranking),
    }
    return dl.side_by_side(
        rivals, data=rows, best="-denoising/mse", baselines=baselines, figures=figures, claims=CLAIMS
    )


if __name__ == "__main__":
    dl.launch(Config, build)
