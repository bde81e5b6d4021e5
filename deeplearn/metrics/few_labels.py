"""What pretraining is worth where labels are few: accuracies by labels a class, and gains, paired over draws."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from scipy.stats import t as student_t

from deeplearn.metrics.statistics import mean_and_standard_error
from deeplearn.nn.functional import flat


def chosen(pool: Mapping[str, np.ndarray], rank: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Flat images [n, pixels] and labels [n] of the pool's `count` examples a class that `nn.few_labels` drew."""
    rows = np.flatnonzero(np.asarray(rank) < count)
    return pool["image"][rows].reshape(len(rows), -1), pool["label"][rows]


def guess(model: Any, image: jax.Array, network: str, count: int) -> jax.Array:
    """Classes [B] by the classifier for `count` labels a class, `network` "tuned" or "scratch"."""
    x = flat(image)
    logits = model.tuned(x, count, model.pretrained()) if network == "tuned" else model.scratch(x, count)
    return logits.argmax(-1)


def validate(
    model: Any,
    batch: Mapping[str, jax.Array],
    networks: Sequence[str] = ("tuned", "scratch"),
    guess: Callable[..., jax.Array] = guess,
) -> dict[str, jax.Array]:
    """Accuracies of the networks for each number of labels; `guess(model, image, network, count)` -> classes."""
    return {
        f"{network}_accuracy_{count}": (guess(model, batch["image"], network, count) == batch["label"]).mean()
        for network in networks
        for count in model.labels
    }


def accuracies(
    trained: Any, test: Mapping[str, np.ndarray], network: str, guess: Callable[..., jax.Array] = guess
) -> dict[str, float]:
    """{"accuracy_1": …} on the test set."""
    guesses = {n: trained.over(guess, test["image"], network=network, count=n) for n in trained.model.labels}
    return {f"accuracy_{n}": float((g == test["label"]).mean()) for n, g in guesses.items()}


def fitted_accuracies(
    make: Callable[[], Any],
    pool: Mapping[str, np.ndarray],
    rank: np.ndarray,
    test: Mapping[str, np.ndarray],
    counts: Sequence[int],
) -> dict[str, float]:
    """{"accuracy_1": …} of classifiers of scikit-learn's, one made for each count, on our draw of labels."""
    x_test = test["image"].reshape(len(test["image"]), -1)
    drawn = {count: chosen(pool, rank, count) for count in counts}
    return {f"accuracy_{n}": float(make().fit(x, y).score(x_test, test["label"])) for n, (x, y) in drawn.items()}


def scikit_learn_accuracies(
    pool: Mapping[str, np.ndarray],
    rank: np.ndarray,
    test: Mapping[str, np.ndarray],
    counts: Sequence[int],
    hidden: Sequence[int],
) -> dict[str, float]:
    """{"accuracy_1": …}: scikit-learn's MLP from scratch on the same draw of labels, at its defaults."""
    from sklearn.neural_network import MLPClassifier

    def make() -> MLPClassifier:
        return MLPClassifier(tuple(hidden), max_iter=300, random_state=0)

    return fitted_accuracies(make, pool, rank, test, counts)


def gains(replicas: Sequence[Mapping[str, Any]], rival: str, counts: Sequence[int]) -> dict[int, tuple[float, Any]]:
    """{labels a class: (mean gain in accuracy over the rival, its standard error)}, paired over the replicas."""
    return {
        count: mean_and_standard_error(
            [row[f"accuracy_{count}"] - row[rival][f"accuracy_{count}"] for row in replicas]
        )
        for count in counts
    }


def verdicts(replicas: Sequence[Mapping[str, Any]], rival: str, counts: Sequence[int]) -> dict[str, str]:
    """A sentence for each number of labels: the gain over the rival, clear where its 95 % interval leaves 0 out."""
    sentences = {}
    for count, (mean, error) in gains(replicas, rival, counts).items():
        if error is None:
            text = f"{mean:+.3f}, one seed: no error, no verdict"
        else:
            far = abs(mean) > error * student_t.ppf(0.975, len(replicas) - 1)
            verdict = f"{'a' if far else 'no'} clear {'loss' if mean < 0 else 'gain'}"
            text = f"{mean:+.3f} ± {error:.3f}, {len(replicas)} draws: {verdict}"
        sentences[f"pretrained against {rival}, {count} label{'s' * (count > 1)} a class"] = text
    return sentences


def series(replicas: Sequence[Mapping[str, Any]], own: str, counts: Sequence[int]) -> dict[str, tuple[Any, ...]]:
    """For `figures.plots.curves`: accuracy by labels a class, own row and each rival's, with standard errors."""
    metric = f"accuracy_{counts[0]}"
    rivals = [name for name, value in replicas[0].items() if isinstance(value, Mapping) and metric in value]
    result = {}
    for name in (own, *rivals):
        rows = [replica[name] if name in rivals else replica for replica in replicas]
        pairs = [mean_and_standard_error([row[f"accuracy_{count}"] for row in rows]) for count in counts]
        result[name] = (list(counts), [mean for mean, _ in pairs], [error or 0.0 for _, error in pairs])
    return result
