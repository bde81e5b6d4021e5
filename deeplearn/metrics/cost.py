"""What a classifier's gradient costs on this machine: memory and time."""

from __future__ import annotations

import time
from typing import Any

import chex
import flax.linen as nn
import jax
import numpy as np
import optax


def gradient_cost(
    net: nn.Module, variables: Any, image: np.ndarray, label: np.ndarray, repeats: int = 5
) -> dict[str, float]:
    """{"memory": MB, "milliseconds": median of `repeats`} of the gradient of cross-entropy on one batch.

    net(image, train=True) gives logits [B, classes], or a tuple that begins with them. The memory is what the
    compiled program needs at its peak beside arguments and results, as the compiler planned it: nearly all of it is
    activations kept for the backward pass. On a machine that is busy with other things the time means little.
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
    if analysis := program.memory_analysis():  # some backends tell nothing
        cost["memory"] = analysis.temp_size_in_bytes / 1e6
    return cost
