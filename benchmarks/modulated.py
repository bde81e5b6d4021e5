"""StyleGAN2's modulated convolution against torch's, forward and backward: float32, one thread each.

    python -m benchmarks.modulated

torch's is written as its users write it: a kernel for each example, and one convolution with a group for each.
Gradients are those of images, styles and the kernel.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.paired import against_torch

ROUNDS = 9
# images [B, side, side, C]; features; steps a round; the maximum ratio that the project allows
CASES: dict[str, tuple[tuple[int, ...], int, int, float]] = {
    "side_8": ((16, 8, 8, 256), 256, 2, 1.3),
    "side_16": ((16, 16, 16, 128), 128, 2, 1.3),
    "side_32": ((16, 32, 32, 64), 64, 2, 1.3),
}


def data(name: str) -> tuple[np.ndarray, ...]:
    """Images, styles, a kernel [3, 3, C, features] and the gradient that comes back."""
    shape, features, *_ = CASES[name]
    sizes = (shape, (shape[0], shape[-1]), (3, 3, shape[-1], features), (*shape[:-1], features))
    rng = np.random.default_rng(0)
    x, style, kernel, back = (rng.normal(size=size).astype(np.float32) for size in sizes)
    return x, style, kernel, back


def ours(name: str) -> Callable[[], None]:
    import jax

    from deeplearn.nn.modulated import modulated_convolution

    arguments, steps = [jax.numpy.asarray(array) for array in data(name)], CASES[name][2]

    @jax.jit
    def both(x: jax.Array, style: jax.Array, kernel: jax.Array, back: jax.Array) -> tuple[jax.Array, ...]:
        y, pull = jax.vjp(modulated_convolution, x, style, kernel)
        return y, *pull(back)

    def run() -> None:
        for _ in range(steps):
            jax.block_until_ready(both(*arguments))

    return run


def torchs(name: str) -> Callable[[], None]:
    import torch
    from torch.nn import functional

    torch.set_num_threads(1)
    steps = CASES[name][2]
    images, styles, kernels, backs = data(name)
    x = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).requires_grad_()
    style = torch.from_numpy(styles).requires_grad_()
    weight = torch.from_numpy(np.ascontiguousarray(kernels.transpose(3, 2, 0, 1))).requires_grad_()
    back = torch.from_numpy(np.ascontiguousarray(backs.transpose(0, 3, 1, 2)))

    def run() -> None:
        for _ in range(steps):
            batch, channels, height, width = x.shape
            own = weight[None] * style[:, None, :, None, None]
            own = own * (own.square().sum((2, 3, 4), keepdim=True) + 1e-8).rsqrt()
            own = own.reshape(-1, channels, 3, 3)
            y = functional.conv2d(x.reshape(1, -1, height, width), own, padding=1, groups=batch)
            torch.autograd.grad(y.reshape(batch, -1, height, width), (x, style, weight), back)

    return run


def main() -> None:
    cases = {name: (steps, wanted) for name, (_, _, steps, wanted) in CASES.items()}
    against_torch("modulated convolution", cases, ours, torchs, ROUNDS)


if __name__ == "__main__":
    main()
