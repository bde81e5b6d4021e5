"""The U-Net of diffusion against torch's, on the same shapes: float32, one thread, whole train steps with Adam.

    python -m benchmarks.denoiser

torch's is written as its users write it, layer for layer the same network (`deeplearn.models.denoiser.UNet`), in
their order of axes. Both get noised pictures, levels, labels and a target in memory; the loss is squared error.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.paired import against_torch

ROUNDS = 9
CLASSES = 10
# pictures [B, side, side, C]; widths; steps a round; the maximum ratio that the project allows
CASES: dict[str, tuple[tuple[int, ...], tuple[int, ...], int, float]] = {
    "side_8": ((64, 8, 8, 1), (32, 64), 2, 1.4),
    "side_16": ((32, 16, 16, 3), (32, 64, 128), 1, 1.4),
    "side_32": ((16, 32, 32, 3), (32, 64, 128, 128), 1, 1.4),
}


def data(name: str) -> tuple[np.ndarray, ...]:
    """x_t, ratio, label, target."""
    shape = CASES[name][0]
    rng = np.random.default_rng(0)
    x, target = rng.normal(size=(2, *shape)).astype(np.float32)
    ratio = np.exp(rng.normal(size=shape[0])).astype(np.float32)
    return x, ratio, (np.arange(shape[0]) % CLASSES).astype(np.int32), target


def ours(name: str) -> Callable[[], None]:
    import jax
    import jax.numpy as jnp
    import optax

    from deeplearn.models.denoiser import UNet

    _, widths, steps, _ = CASES[name]
    model, optimizer = UNet(widths, CLASSES), optax.adam(1e-3)
    *arguments, target = (jnp.asarray(array) for array in data(name))
    params = jax.jit(lambda key: model.init(key, *arguments))(jax.random.key(0))

    def step(params: Any, state: Any, *arguments: jax.Array) -> Any:
        *seen, wanted = arguments
        gradient = jax.grad(lambda params: jnp.square(model.apply(params, *seen) - wanted).mean())(params)
        change, state = optimizer.update(gradient, state, params)
        return optax.apply_updates(params, change), state

    compiled = jax.jit(step, donate_argnums=(0, 1))
    carry = [(params, optimizer.init(params))]

    def train() -> None:
        for _ in range(steps):
            carry[0] = compiled(*carry[0], *arguments, target)
        jax.block_until_ready(carry[0])

    return train


def torchs(name: str) -> Callable[[], None]:
    import torch
    from torch import nn
    from torch.nn import functional

    torch.set_num_threads(1)
    shape, widths, steps, _ = CASES[name]
    groups, condition, channels, side = 8, 4 * widths[0], shape[3], shape[1]
    smallest = side // 2 ** (len(widths) - 1)

    class Block(nn.Module):
        def __init__(self, before: int, after: int) -> None:
            super().__init__()
            self.norms = nn.ModuleList([nn.GroupNorm(groups, before), nn.GroupNorm(groups, after)])
            self.first, self.second = nn.Conv2d(before, after, 3, 1, 1), nn.Conv2d(after, after, 3, 1, 1)
            self.told = nn.Linear(condition, after)
            self.skip = nn.Conv2d(before, after, 1) if before != after else nn.Identity()

        def forward(self, x: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
            h = self.first(functional.silu(self.norms[0](x))) + self.told(told)[:, :, None, None]
            return self.second(functional.silu(self.norms[1](h))) + self.skip(x)

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.level, self.label = nn.Linear(64, condition), nn.Embedding(CLASSES + 1, condition)
            self.told = nn.Linear(condition, condition)
            self.enter = nn.Conv2d(channels, widths[0], 3, 1, 1)
            before = (widths[0], *widths[:-1])
            self.down = nn.ModuleList(nn.Conv2d(a, b, 3, 2, 1) for a, b in itertools.pairwise(widths))
            self.encode = nn.ModuleList(Block(width, width) for width in widths)
            self.place = nn.Linear(condition, widths[-1] * smallest**2)
            self.middle = Block(widths[-1], widths[-1])
            self.decode = nn.ModuleList(Block(2 * width, width) for width in widths)
            self.up = nn.ModuleList(nn.Conv2d(b, a, 3, 1, 1) for a, b in zip(before, widths, strict=True))
            self.norm, self.out = nn.GroupNorm(groups, widths[0]), nn.Conv2d(widths[0], channels, 3, 1, 1)

        def forward(self, x: torch.Tensor, ratio: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
            angles = ratio.log()[:, None] * torch.logspace(-1, 1, 32)
            told = self.level(torch.cat([angles.sin(), angles.cos()], -1)) + self.label(label)
            told = functional.silu(self.told(functional.silu(told)))
            h, skips = self.enter(x), []
            for level in range(len(widths)):
                h = self.encode[level](self.down[level - 1](h) if level else h, told)
                skips.append(h)
            h = self.middle(h + self.place(told).reshape(h.shape), told)
            for level in reversed(range(len(widths))):
                h = self.decode[level](torch.cat([h, skips[level]], 1), told)
                if level:
                    h = self.up[level](functional.interpolate(h, scale_factor=2))
            return self.out(functional.silu(self.norm(h)))

    network = Network()
    del network.up[0]  # there is nothing above the first
    network.up.insert(0, nn.Identity())
    x, ratio, label, target = data(name)
    x, target = (np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)) for pictures in (x, target))
    seen = [torch.from_numpy(array) for array in (x, ratio, label.astype(np.int64))]
    wanted = torch.from_numpy(target)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)

    def train() -> None:
        for _ in range(steps):
            optimizer.zero_grad(set_to_none=True)
            functional.mse_loss(network(*seen), wanted).backward()
            optimizer.step()

    return train


def main() -> None:
    cases = {name: (steps, wanted) for name, (_, _, steps, wanted) in CASES.items()}
    against_torch("U-Net of diffusion", cases, ours, torchs, ROUNDS)


if __name__ == "__main__":
    main()
