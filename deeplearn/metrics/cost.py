"""What a classifier's gradient costs on this machine: memory and time."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from typing import Any

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from deeplearn.measured import Measured


def gradient_cost(
    net: nn.Module, variables: Any, image: np.ndarray, label: np.ndarray, repeats: int = 5
) -> dict[str, float]:
    """{"memory": MB, "milliseconds": median of `repeats`} of the gradient of cross-entropy on one batch.

    net(image, train=True) gives logits [B, classes], or a tuple that begins with them. The memory is what the
    compiled program needs at its peak in addition to arguments and results, as the compiler planned it: nearly all
    of it is activations kept for the backward pass. On a busy machine the time means little.
    """
    chex.assert_rank([image, label], [4, 1])
    chex.assert_equal_shape_prefix([image, label], 1)
    rest = {name: tree for name, tree in variables.items() if name != "params"}

    def loss(params: Any) -> tuple[jax.Array, Any]:
        variables = {"params": params, **rest}
        out, updated = net.apply(
            variables, image, train=True, rngs={"params": jax.random.key(0)}, mutable=list(rest)
        )
        logits = out[0] if isinstance(out, tuple) else out
        return optax.softmax_cross_entropy_with_integer_labels(logits, label).mean(), updated

    program = jax.jit(jax.grad(loss, has_aux=True)).lower(variables["params"]).compile()
    seconds = []
    for _ in range(repeats + 1):  # the first call warms up
        begun = time.perf_counter()
        jax.block_until_ready(program(variables["params"]))
        seconds.append(time.perf_counter() - begun)
    cost = {"milliseconds": 1e3 * float(np.median(seconds[1:]))}
    if analysis := program.memory_analysis():  # some backends say nothing
        cost["memory"] = analysis.temp_size_in_bytes / 1e6
    return cost


def seconds_an_epoch(
    net: nn.Module, columns: Mapping[str, np.ndarray], size: int, updates: int = 300, repeats: int = 3
) -> float:
    """Seconds of an epoch of plain gradient descent on cross-entropy in batches of `size`, compiled and alone.

    net(image) gives logits [B, classes]. columns: {"image": [N, ...], "label": [N]}; at most `updates` updates of
    the epoch are timed; the shortest of `repeats` times is scaled to the whole epoch.
    """
    examples = len(columns["label"])
    updates = min(updates, max(1, examples // size))
    batches = {key: jnp.asarray(columns[key][: updates * size]) for key in ("image", "label")}
    batches = {key: value.reshape(updates, -1, *value.shape[1:]) for key, value in batches.items()}

    def loss(params: Any, batch: Mapping[str, jax.Array]) -> jax.Array:
        logits = net.apply(params, batch["image"])
        return optax.softmax_cross_entropy_with_integer_labels(logits, batch["label"]).mean()

    def update(params: Any, batch: Mapping[str, jax.Array]) -> tuple[Any, None]:
        return jax.tree.map(lambda w, g: w - 0.01 * g, params, jax.grad(loss)(params, batch)), None

    epoch = jax.jit(lambda params, batches: jax.lax.scan(update, params, batches)[0])
    params = net.init(jax.random.key(0), columns["image"][:1])
    jax.block_until_ready(epoch(params, batches))  # the first call compiles
    seconds = []
    for _ in range(repeats):
        begun = time.perf_counter()
        jax.block_until_ready(epoch(params, batches))
        seconds.append(time.perf_counter() - begun)
    return min(seconds) * examples / batches["label"].size


def gradient_costs(
    networks: Mapping[str, tuple[nn.Module, Any]], image: np.ndarray, label: np.ndarray
) -> dict[str, Callable[[], Measured]]:
    """{"a gradient of NAME": thunk} of `gradient_cost`, for each (network, variables) by name."""

    def row(net: nn.Module, variables: Any) -> Measured:
        return Measured(gradient_cost(net, variables, image, label))

    return {f"a gradient of {name}": functools.partial(row, *network) for name, network in networks.items()}
