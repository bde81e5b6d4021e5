"""Recurrent layers against torch's: float32, one thread, whole train steps with Adam.

    python -m benchmarks.recurrent [RNN LSTM GRU]

64 sequences of 50 steps and 64 features, 128 hidden units; the loss is the outputs' mean square. A second torch
beside the first shows the noise. XLA fixes its threads when it starts, so the process is bound to one core first.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.paired import against_torch

ROUNDS, STEPS = 9, 5
WANTED = {"RNN": 1.2, "LSTM": 1.15, "GRU": 0.8}  # the maximum ratios that the project allows
FEATURES = 128
X = np.random.default_rng(0).normal(size=(64, 50, 64)).astype(np.float32)


def ours(name: str) -> Callable[[], None]:
    import jax
    import jax.numpy as jnp
    import optax

    from deeplearn.nn import cells
    from deeplearn.nn.recurrent import Recurrent

    model = Recurrent(getattr(cells, f"{name}Cell"), FEATURES)
    params = jax.jit(model.init)(jax.random.key(0), X)["params"]
    optimizer = optax.adam(1e-3)

    def step(params: Any, state: Any, x: Any) -> Any:
        gradient = jax.grad(lambda params: jnp.square(model.apply({"params": params}, x)[0]).mean())(params)
        change, state = optimizer.update(gradient, state, params)
        return optax.apply_updates(params, change), state

    compiled = jax.jit(step, donate_argnums=(0, 1))
    carry = [(params, optimizer.init(params))]

    def train() -> None:
        for _ in range(STEPS):
            carry[0] = compiled(*carry[0], X)
        jax.block_until_ready(carry[0])

    return train


def torchs(name: str) -> Callable[[], None]:
    import torch

    torch.set_num_threads(1)
    network = getattr(torch.nn, name)(X.shape[-1], FEATURES, batch_first=True)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
    x = torch.from_numpy(X)

    def train() -> None:
        for _ in range(STEPS):
            optimizer.zero_grad(set_to_none=True)
            network(x)[0].square().mean().backward()
            optimizer.step()

    return train


def main(names: list[str] | None = None) -> None:
    against_torch(
        "recurrent layers", {name: (STEPS, WANTED[name]) for name in names or WANTED}, ours, torchs, ROUNDS
    )


if __name__ == "__main__":
    main(sys.argv[1:])
