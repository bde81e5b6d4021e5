"""A recurrent network and backpropagation through time, written by hand.

    python -m experiments.sequences.recurrence --replicas=5

h_t = tanh(h_{t-1} W + x_t U + b) over the steps of a sequence, and ŷ = h_T V + c at its end (Elman 1990).
Backwards, the error of a state is that of the next state, times the slope of tanh there, through W; every step adds
to the gradient of W, U and b (Werbos 1990). `backward` is exactly that. It is the gradient rule of one of two
networks with the same initial weights and batches; the other leaves it to JAX. Measured, in decimal digits that
agree (−log₁₀ of the relative distance): the gradient with JAX's and with finite differences, in double precision,
and the two networks' weights after training, in single. Baselines: the mean of the answers, ridge regression.

∂h_T/∂h_t is a product of T − t matrices, so it shrinks or grows with the distance (Bengio, Simard & Frasconi 1994;
Pascanu, Mikolov & Bengio 2013). The rows `spectral radius` show its growth a step, far from the end, for random W
of that radius: in the linear recurrence, where the product is W^(T−t) and its growth tends to the radius, and with
tanh.
"""

import dataclasses
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from deeplearn import train as dl
from deeplearn.baselines.ridge import ridge
from deeplearn.data import Dataset
from deeplearn.errors import UserError
from deeplearn.figures.plots import curves
from deeplearn.metrics.gradients import central_differences, relative_distance
from deeplearn.optim import optimizer


class Weights(NamedTuple):
    """W [H, H], U [n, H], b [H], V [H, 1] and c [1]."""

    recurrent: jax.Array
    input: jax.Array
    bias: jax.Array
    output: jax.Array
    output_bias: jax.Array


@dataclasses.dataclass(frozen=True)
class Config(dl.Config):
    dataset: str = "recent/20"
    steps: int = 2000
    batch_size: int = 32
    hidden: int = dl.flag(32, "units of the recurrent layer", min=1)
    radius: float = dl.flag(0.9, "spectral radius of the initial W, an orthogonal matrix times it", min=0)
    learning_rate: float = dl.flag(0.03, "step of gradient descent with momentum .9", min=0)
    radii: tuple[float, ...] = dl.flag((0.5, 0.9, 1.0, 1.1, 1.5), "spectral radii of random W", min=0.01, max=4)
    distance: int = dl.flag(60, "steps over which the gradient of random W is followed", min=2)

    # Bengio et al. 1994 and Pascanu et al. 2013 give no sizes of their own; Le et al. 2015 have 100 units.
    PAPER = {"hidden": 100, "dataset": "adding/150", "steps": 100_000}
    TINY = {"hidden": 4, "radii": (0.9, 1.1), "distance": 8}


def forward(weights: Weights, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """x [B, T, n] -> (h_0 = 0, h_1, …, h_T as [T + 1, B, H], ŷ [B])."""
    start = jnp.zeros((len(x), len(weights.bias)), x.dtype)

    def step(h: jax.Array, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        h = jnp.tanh(h @ weights.recurrent + x @ weights.input + weights.bias)
        return h, h

    last, states = jax.lax.scan(step, start, x.swapaxes(0, 1))
    return jnp.concatenate([start[None], states]), (last @ weights.output + weights.output_bias)[:, 0]


def backward(
    weights: Weights, x: jax.Array, states: jax.Array, answer: jax.Array, target: jax.Array
) -> tuple[Weights, jax.Array]:
    """(∂L/∂weights, ∂L/∂h_t of t = 0 … T [T + 1, B, H]) of L = mean (ŷ − y)²."""
    error = 2 * (answer - target)[:, None] / len(target)  # ∂L/∂ŷ, [B, 1]
    at_end = error @ weights.output.T

    def step(carry: Any, at: Any) -> tuple[Any, jax.Array]:
        error, (recurrent, input, bias) = carry
        x, before, h = at
        slope = error * (1 - h**2)  # through tanh, whose slope is 1 − tanh²
        sums = recurrent + before.T @ slope, input + x.T @ slope, bias + slope.sum(0)
        error = slope @ weights.recurrent.T  # of the state before
        return (error, sums), error

    zeros = jax.tree.map(jnp.zeros_like, (weights.recurrent, weights.input, weights.bias))
    steps = x.swapaxes(0, 1), states[:-1], states[1:]
    (_, sums), errors = jax.lax.scan(step, (at_end, zeros), steps, reverse=True)
    recurrent, input, bias = sums
    gradient = Weights(recurrent, input, bias, states[-1].T @ error, error.sum(0))
    return gradient, jnp.concatenate([errors, at_end[None]])


def loss_by_jax(weights: Weights, x: jax.Array, target: jax.Array) -> jax.Array:
    return jnp.square(forward(weights, x)[1] - target).mean()


@jax.custom_vjp
def loss_by_hand(weights: Weights, x: jax.Array, target: jax.Array) -> jax.Array:
    return loss_by_jax(weights, x, target)


def _keep_states(weights: Weights, x: jax.Array, target: jax.Array) -> Any:
    states, answer = forward(weights, x)
    return jnp.square(answer - target).mean(), (weights, x, states, answer, target)


def _hand_back(kept: Any, slope: jax.Array) -> Any:
    gradients, _ = backward(*kept)
    return jax.tree.map(lambda g: slope * g, gradients), None, None  # nobody asks for those of the data


loss_by_hand.defvjp(_keep_states, _hand_back)


class Twins(nn.Module):
    """Two networks with the same initial weights, on a first axis: 0 is differentiated by hand, 1 by JAX."""

    inputs: int
    hidden: int
    radius: float

    def setup(self) -> None:
        def twice(name: str, init: Any, *shape: int) -> jax.Array:
            return self.param(name, lambda key: jnp.stack([init(key, shape)] * 2))

        zeros, lecun = nn.initializers.zeros, nn.initializers.lecun_normal()
        orthogonal = nn.initializers.orthogonal(self.radius)
        self.weights = Weights(
            twice("recurrent", orthogonal, self.hidden, self.hidden),
            twice("input", lecun, self.inputs, self.hidden),
            twice("bias", zeros, self.hidden),
            twice("output", lecun, self.hidden, 1),
            twice("output_bias", zeros, 1),
        )

    def twin(self, number: int) -> Weights:
        return jax.tree.map(lambda w: w[number], self.weights)


def learn(twins: Twins, batch: dl.Batch) -> dl.Losses:
    x, target = batch["sequence"], batch["target"]
    by_hand, by_jax = loss_by_hand(twins.twin(0), x, target), loss_by_jax(twins.twin(1), x, target)
    return by_hand + by_jax, {"by_hand": by_hand, "by_jax": by_jax}


def score(twins: Twins, batch: dl.Batch) -> dl.Metrics:
    return {f"mse_{n}": loss_by_jax(twins.twin(n), batch["sequence"], batch["target"]) for n in (0, 1)}


@jax.jit
def both_gradients(weights: Weights, x: jax.Array, target: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The gradient by hand and by JAX, each one vector."""
    by_hand, _ = backward(weights, x, *forward(weights, x), target)
    return ravel_pytree(by_hand)[0], ravel_pytree(jax.grad(loss_by_jax)(weights, x, target))[0]


def checks(weights: Weights, batch: dl.Batch) -> dict[str, float]:
    """The hand-written gradient's relative distance from JAX's, and from central differences at 200 weights."""
    with jax.enable_x64(True):
        cast = partial(jnp.asarray, dtype=np.float64)
        weights, x, target = jax.tree.map(cast, (weights, batch["sequence"], batch["target"]))
        by_hand, by_jax = map(np.asarray, both_gradients(weights, x, target))
        chosen = np.random.default_rng(0).permutation(by_hand.size)[:200]
        differences = central_differences(loss_by_jax, weights, chosen, cast(1e-5), x, target)
        return {
            "autodiff": relative_distance(by_hand, by_jax),
            "differences": relative_distance(np.asarray(differences), by_hand[chosen]),
        }


def random_recurrence(seed: int, hidden: int, radius: float) -> np.ndarray:
    """W [hidden, hidden] of independent Gaussian numbers, scaled to that spectral radius."""
    w = np.random.default_rng(seed).normal(size=(hidden, hidden))
    return w * radius / np.abs(np.linalg.eigvals(w)).max()


def jacobians(w: np.ndarray, states: np.ndarray) -> np.ndarray:
    """‖∂h_T/∂h_t‖₂ at the distances T − t = 0 … T, given h_0 … h_T [T + 1, H]; zeros are the linear recurrence."""
    product, norms = np.eye(len(w)), [1.0]
    for h in states[:0:-1]:
        product = w * (1 - h**2) @ product  # ∂h_t/∂h_{t−1} first: rows are multiplied from the left
        norms.append(float(np.linalg.norm(product, 2)))
    return np.array(norms)


def growth(norms: np.ndarray) -> float:
    """The factor a step over the farther half of the distances."""
    half = len(norms) // 2
    return float((norms[-1] / max(norms[half], 1e-300)) ** (1 / (len(norms) - 1 - half)))


def by_radius(config: Config, seed: int) -> dl.Rows:
    """The growth of ∂h_T/∂h_t for random W, without inputs, from a random state; tanh beside the linear one."""
    rows = {}
    for radius in config.radii:
        w = random_recurrence(seed, config.hidden, radius)
        states = [np.random.default_rng((seed, 1)).uniform(-1, 1, config.hidden)]
        for _ in range(config.distance):
            states.append(np.tanh(states[-1] @ w))
        norms = {"linear": jacobians(w, np.zeros_like(states)), "tanh": jacobians(w, np.array(states))}
        metrics = {f"growth_{name}": growth(one) for name, one in norms.items()}
        rows[f"spectral radius {radius:g}"] = dl.Measured(metrics, norms)
    return rows


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    by_hand, by_jax = (trained(Twins.twin, number=number) for number in (0, 1))
    apart = checks(by_hand, dataset.test.arrays(100))
    vectors = (np.asarray(ravel_pytree(weights)[0]) for weights in (by_hand, by_jax))
    apart["weights"] = relative_distance(*vectors)
    digits = {f"digits_{name}": -np.log10(max(distance, 1e-17)) for name, distance in apart.items()}
    mse = trained.mean(score, dataset.test.arrays())
    w = np.asarray(by_hand.recurrent, float)
    states, _ = forward(by_hand, jnp.asarray(dataset.test.arrays(1)["sequence"]))
    metrics = {
        "mse": mse["mse_0"],
        **digits,
        "spectral_radius": float(np.abs(np.linalg.eigvals(w)).max()),
        "growth_tanh": growth(jacobians(w, np.asarray(states[:, 0], float))),
    }
    seed = int(jax.random.randint(trained.key, (), 0, 2**31 - 1))
    return {
        **dl.ours(metrics),
        "differentiated by JAX": dl.Measured({"mse": mse["mse_1"]}),
        **by_radius(trained.config, seed),
    }


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    def mean() -> dl.Measured:
        answer = dataset.train.arrays(10_000)["target"].mean()
        return dl.Measured({"mse": float(np.square(dataset.test.arrays()["target"] - answer).mean())})

    return {"mean": mean, "ridge regression": lambda: dl.Measured({"mse": ridge(dataset)})}


def figures(report: dl.Report) -> dict[str, Any]:
    radii = {f"{radius:g}": report.rows[f"spectral radius {radius:g}"].arrays for radius in report.config.radii}
    k = np.arange(report.config.distance + 1)
    x, y = "distance T − t", "norm of the derivative of the last state"

    def drawn(kind: str) -> Any:
        lines = {f"radius {name}": (k, np.maximum(one[kind], 1e-300)) for name, one in radii.items()}
        if kind == "linear":
            lines |= {f"{name} to the power T − t": (k, float(name) ** k) for name in radii}
        return curves(lines, x, y, kind, log_y=True)

    return {f"gradient_through_time_{kind}": partial(drawn, kind) for kind in ("linear", "tanh")}


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    if not {"sequence", "target"} <= set(dataset.train.spec):
        raise UserError(
            f"--dataset={dataset.name} has no sequences with a number as target: say recent/20 or adding/20"
        )
    inputs = dataset.train.spec["sequence"].shape[-1]
    return dl.Experiment(
        model=Twins(inputs, config.hidden, config.radius),
        stages=[dl.Stage([dl.Turn(learn)], optimizer("momentum", config.learning_rate), config.steps)],
        data=dataset,
        evaluate=evaluate,
        baselines=baselines,
        figures=figures,
    )


if __name__ == "__main__":
    dl.launch(Config, build)
