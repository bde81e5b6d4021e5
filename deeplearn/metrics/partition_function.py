"""The partition function of a restricted Boltzmann machine, and its likelihood: log p(v) = −F(v) − log Z.

Exact by enumeration of the smaller layer, estimated by annealed importance sampling for larger machines. Both take
plain weights, so they measure machines of any library.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np

from deeplearn.metrics.bounds import importance_weighted_bound
from deeplearn.nn.functional import softplus

MAX_ENUMERATED = 25  # units: 2^25 states of them
BLOCK_BITS = 14  # states that are summed together


class Weights(NamedTuple):
    """The weights of a machine, in the parametrisation of `models.rbm`.

    kernel [visible, hidden]; visible_bias [visible]; hidden_bias [hidden]; std: σ of Gaussian visible units,
    None for visible units in {0, 1}.
    """

    kernel: Any
    visible_bias: Any
    hidden_bias: Any
    std: float | None = None


def free_energy(v: Any, machine: Weights) -> jax.Array:
    """F(v) = −log Σ_h e^{−E(v, h)} in nats: [N, visible] -> [N]."""
    chex.assert_shape(v, (None, machine.kernel.shape[0]))
    scale = machine.std or 1.0
    summed_out = softplus(v / scale @ machine.kernel + machine.hidden_bias).sum(-1)
    if machine.std is None:
        return -v @ machine.visible_bias - summed_out
    return ((v - machine.visible_bias) ** 2).sum(-1) / (2 * scale**2) - summed_out


def exact_log_partition(machine: Weights) -> float:
    """log Z in nats, by summing over every state of the smaller layer (of the hidden one, if v is Gaussian).

    ValueError where that layer has more than 25 units.
    """
    kernel, b, c = (np.asarray(w, np.float64) for w in machine[:3])
    if machine.std is not None:
        # ∫ e^{−E(v, h)} dv = (2πσ²)^{V/2} e^{c·h + b·Wh/σ + ‖Wh‖²/2}
        constant = len(b) / 2 * np.log(2 * np.pi * machine.std**2)
        linear, units = c + b @ kernel / machine.std, len(c)

        def log_weight(h: np.ndarray) -> np.ndarray:
            return constant + h @ linear + ((h @ kernel.T) ** 2).sum(-1) / 2

    else:
        if len(b) < len(c):
            kernel, b, c = kernel.T, c, b
        units = len(c)

        def log_weight(h: np.ndarray) -> np.ndarray:
            return h @ c + np.logaddexp(0, h @ kernel.T + b).sum(-1)

    if units > MAX_ENUMERATED:
        raise ValueError(f"{units} units have too many states to enumerate: estimate log Z by annealed importance")
    low = min(units, BLOCK_BITS)
    block = ((np.arange(2**low)[:, None] >> np.arange(units)) & 1).astype(np.float64)  # the higher units are 0
    total = -np.inf
    for number in range(2 ** (units - low)):
        block[:, low:] = (number >> np.arange(units - low)) & 1
        weights = log_weight(block)
        top = weights.max()
        total = np.logaddexp(total, top + np.log(np.exp(weights - top).sum()))
    return float(total)


def annealed_log_partition(
    machine: Weights, base: Any, seed: int, temperatures: int = 2000, chains: int = 200
) -> tuple[float, float]:
    """(log Z in nats, standard error of it) by annealed importance sampling (Salakhutdinov & Murray 2008, 4.1).

    Machines between one without weights, whose visible biases are `base` [visible] and whose log Z is known, and
    ours: the weights grow with β in `temperatures` steps from 0 to 1, with a Gibbs step at each. The estimate of Z
    is unbiased; that of log Z is too low where the chains do not mix, so a likelihood from it is too high: compare
    with the exact one on a small machine.

    base: log-odds of the data's means for visible units in {0, 1}, the means themselves for Gaussian ones.
    """
    std = machine.std
    chex.assert_shape(base, (machine.kernel.shape[0],))
    arrays = [jnp.asarray(w, jnp.float32) for w in (*machine[:3], base)]
    log_weights = np.asarray(_anneal(*arrays, jax.random.key(seed), std, temperatures, chains), np.float64)
    estimate = float(importance_weighted_bound(jnp.asarray(log_weights)))
    weights = np.exp(log_weights - log_weights.max())
    error = float(weights.std(ddof=1) / np.sqrt(chains) / weights.mean())  # delta method
    return estimate, error


def annealed_nll(
    machine: Weights, train: np.ndarray, test: np.ndarray, temperatures: int = 2000
) -> dict[str, float]:
    """{"nll": nats of the mean row of `test`, "log_z_error": the standard error of log Z}, by annealing.

    Annealing begins with the machine without weights that has the means of `train`. Both [N, visible].
    """
    chex.assert_rank([train, test], 2)
    base = mean_log_odds(train) if machine.std is None else train.mean(0)
    log_z, error = annealed_log_partition(machine, base, seed=0, temperatures=temperatures)
    return {"nll": log_z + float(np.mean(free_energy(test, machine))), "log_z_error": error}


@functools.partial(jax.jit, static_argnums=(5, 6, 7))
def _anneal(
    kernel: jax.Array,
    b: jax.Array,
    c: jax.Array,
    base: jax.Array,
    key: jax.Array,
    std: float | None,
    temperatures: int,
    chains: int,
) -> jax.Array:
    """The logarithms of the importance weights, [chains], including the base's log Z."""
    scale = std or 1.0

    def log_unnormalised(v: jax.Array, beta: jax.Array) -> jax.Array:
        summed_out = softplus(beta * (v / scale @ kernel + c)).sum(-1)
        if std is None:
            return v @ ((1 - beta) * base + beta * b) + summed_out
        quadratic = (1 - beta) * ((v - base) ** 2).sum(-1) + beta * ((v - b) ** 2).sum(-1)
        return summed_out - quadratic / (2 * scale**2)

    def sample_visible(h: jax.Array, beta: jax.Array, key: jax.Array) -> jax.Array:
        drive, bias = beta * h @ kernel.T, (1 - beta) * base + beta * b
        if std is None:
            return jax.random.bernoulli(key, jax.nn.sigmoid(drive + bias)).astype(jnp.float32)
        return bias + scale * (drive + jax.random.normal(key, drive.shape))

    def step(carry: tuple[jax.Array, jax.Array], item: tuple[jax.Array, ...]) -> tuple[Any, None]:
        v, total = carry
        number, before, beta = item
        total = total + log_unnormalised(v, beta) - log_unnormalised(v, before)
        up, down = jax.random.split(jax.random.fold_in(key, number))
        h = jax.random.bernoulli(up, jax.nn.sigmoid(beta * (v / scale @ kernel + c))).astype(jnp.float32)
        return (sample_visible(h, beta, down), total), None

    of_visible = softplus(base).sum() if std is None else len(b) / 2 * jnp.log(2 * jnp.pi * scale**2)
    log_z = len(c) * jnp.log(2.0) + of_visible  # the base's hidden units have no bias
    start = sample_visible(jnp.zeros((chains, len(c))), jnp.float32(0), jax.random.fold_in(key, temperatures))
    betas = jnp.linspace(0, 1, temperatures + 1)
    items = (jnp.arange(temperatures), betas[:-1], betas[1:])
    (_, total), _ = jax.lax.scan(step, (start, jnp.zeros(chains)), items)
    return log_z + total


def mean_log_odds(v: np.ndarray, pseudo_count: float = 1.0) -> np.ndarray:
    """Log-odds of each unit being on in v [N, units], with pseudo-counts of ones and zeros, so always finite."""
    chex.assert_rank(v, 2)
    on = v.sum(0) + pseudo_count
    return np.log(on) - np.log(len(v) + 2 * pseudo_count - on)
