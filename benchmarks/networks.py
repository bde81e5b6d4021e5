"""Networks against torch's, on the same shapes: float32, one thread each, whole train steps with Adam.

    python -m benchmarks.networks [NAME …]

Both get a batch in memory; for AlexNet only the forward pass is timed. A second torch beside the first shows the
noise. XLA fixes its threads when it starts, so the process is bound to one core first.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.paired import against_torch

ROUNDS = 9
# images [B, H, W, C] or vectors; steps a round; the maximum ratio that the project allows
CASES: dict[str, tuple[tuple[int, ...], int, float]] = {
    "mlp": ((128, 784), 20, 0.6),
    "alexnet_forward": ((4, 224, 224, 3), 2, 0.85),
    "resnet18": ((64, 32, 32, 3), 1, 1.5),
    "dcgan_generator": ((64, 100), 2, 1.2),
    "dcgan_discriminator": ((64, 32, 32, 3), 2, 1.2),
    "max_pooled_net": ((128, 32, 32, 3), 2, 1.4),
    "depthwise_separable": ((32, 32, 32, 64), 2, 2.2),
}
CLASSES = 10


def data(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=shape).astype(np.float32), np.arange(shape[0]) % CLASSES


def ours(name: str) -> Callable[[], None]:
    import flax.linen as nn
    import jax
    import jax.numpy as jnp
    import optax

    from deeplearn.models import alexnet, resnet
    from deeplearn.models.mlp import MLP
    from deeplearn.nn.batch_norm import BatchNorm
    from deeplearn.nn.conv import Conv
    from deeplearn.nn.depthwise import DepthwiseConv
    from deeplearn.nn.pooling import max_pool
    from deeplearn.nn.strided import HalvingConv
    from deeplearn.nn.transposed import TransposedConv

    class DCGAN(nn.Module):
        @nn.compact
        def __call__(self, z: jax.Array, train: bool) -> jax.Array:
            x = nn.Dense(4 * 4 * 256, use_bias=False)(z).reshape(-1, 4, 4, 256)
            for features in (128, 64):
                x = nn.relu(BatchNorm()(x, train))
                x = TransposedConv(features, 4, 2, 1, use_bias=False)(x)
            return nn.tanh(TransposedConv(3, 4, 2, 1)(nn.relu(BatchNorm()(x, train))))

    class Judge(nn.Module):
        @nn.compact
        def __call__(self, x: jax.Array, train: bool) -> jax.Array:
            x = nn.leaky_relu(HalvingConv(64)(x), 0.2)
            for features in (128, 256):
                x = HalvingConv(features, use_bias=False)(x)
                x = nn.leaky_relu(BatchNorm()(x, train), 0.2)
            return nn.Dense(1)(x.reshape(len(x), -1))

    class Pooled(nn.Module):
        @nn.compact
        def __call__(self, x: jax.Array, train: bool) -> jax.Array:
            for features in (32, 64):
                x = max_pool(nn.relu(Conv(features, (3, 3))(x)), 2)
            return nn.Dense(CLASSES)(x.reshape(len(x), -1))

    class Separable(nn.Module):
        @nn.compact
        def __call__(self, x: jax.Array, train: bool) -> jax.Array:
            x = nn.relu(BatchNorm()(DepthwiseConv(3, use_bias=False)(x), train))
            return nn.relu(BatchNorm()(Conv(128, (1, 1), use_bias=False)(x), train)).mean((1, 2))

    model: Any = {
        "mlp": lambda: MLP((1024, 1024), CLASSES),
        "alexnet_forward": alexnet.alexnet_one_tower,
        "resnet18": lambda: resnet.resnet18(CLASSES).clone(small_stem=True),
        "dcgan_generator": DCGAN,
        "dcgan_discriminator": Judge,
        "max_pooled_net": Pooled,
        "depthwise_separable": Separable,
    }[name]()
    shape, steps, _ = CASES[name]
    x, label = data(shape)
    variables = jax.jit(lambda key: model.init(key, x[:2], False))(jax.random.key(0))
    params, statistics_ = variables["params"], {k: v for k, v in variables.items() if k != "params"}

    if name == "alexnet_forward":
        forward = jax.jit(lambda v, x: model.apply(v, x, False))
        return lambda: [jax.block_until_ready(forward(variables, x)) for _ in range(steps)] and None

    optimizer = optax.adam(1e-3)

    def step(params: Any, statistics_: Any, state: Any, x: Any, label: Any) -> Any:
        def loss(params: Any) -> Any:
            out, updated = model.apply({"params": params, **statistics_}, x, True, mutable=list(statistics_))
            if out.shape[1:] != (CLASSES,):
                return jnp.square(out).mean(), updated
            return optax.softmax_cross_entropy_with_integer_labels(out, label).mean(), updated

        (_, updated), gradient = jax.value_and_grad(loss, has_aux=True)(params)
        change, state = optimizer.update(gradient, state, params)
        return optax.apply_updates(params, change), updated, state

    compiled = jax.jit(step, donate_argnums=(0, 1, 2))
    carry = [(params, statistics_, optimizer.init(params))]

    def train() -> None:
        for _ in range(steps):
            carry[0] = compiled(*carry[0], x, label)
        jax.block_until_ready(carry[0])

    return train


def torchs(name: str) -> Callable[[], None]:
    import torch
    from torch import nn
    from torch.nn import functional

    torch.set_num_threads(1)
    shape, steps, _ = CASES[name]
    images, label = data(shape)
    x = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)) if images.ndim == 4 else images)
    target = torch.from_numpy(label)

    class Residual(nn.Module):
        def __init__(self, before: int, after: int, stride: int) -> None:
            super().__init__()
            self.first = nn.Sequential(nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after))
            self.second = nn.Sequential(nn.Conv2d(after, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after))
            short = [nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after)]
            self.short = nn.Sequential(*(short if before != after or stride != 1 else []))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return functional.relu(self.second(functional.relu(self.first(x))) + self.short(x))

    def resnet18() -> nn.Module:
        layers: list[nn.Module] = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
        before = 64
        for level, after in enumerate((64, 128, 256, 512)):
            layers += [Residual(before, after, 2 if level else 1), Residual(after, after, 1)]
            before = after
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, CLASSES))

    def alexnet() -> nn.Module:
        def conv(before: int, after: int, size: int, stride: int = 1, padding: int = 1) -> list[nn.Module]:
            return [nn.Conv2d(before, after, size, stride, padding), nn.ReLU()]

        return nn.Sequential(
            *conv(3, 64, 11, 4, 2), nn.MaxPool2d(3, 2), *conv(64, 192, 5, 1, 2), nn.MaxPool2d(3, 2),
            *conv(192, 384, 3), *conv(384, 256, 3), *conv(256, 256, 3), nn.MaxPool2d(3, 2), nn.Flatten(),
            nn.Linear(9216, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, 1000),
        )  # fmt: skip

    def dcgan() -> nn.Module:
        def up(before: int, after: int, bias: bool = False) -> list[nn.Module]:
            return [nn.BatchNorm2d(before), nn.ReLU(), nn.ConvTranspose2d(before, after, 4, 2, 1, bias=bias)]

        first = [nn.Linear(100, 4096, bias=False), nn.Unflatten(1, (256, 4, 4))]
        return nn.Sequential(*first, *up(256, 128), *up(128, 64), *up(64, 3, True), nn.Tanh())

    def discriminator() -> nn.Module:
        def down(before: int, after: int) -> list[nn.Module]:
            return [nn.Conv2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after), nn.LeakyReLU(0.2)]

        first = [nn.Conv2d(3, 64, 4, 2, 1), nn.LeakyReLU(0.2)]
        return nn.Sequential(*first, *down(64, 128), *down(128, 256), nn.Flatten(), nn.Linear(4096, 1))

    def pooled() -> nn.Module:
        def block(before: int, after: int) -> list[nn.Module]:
            return [nn.Conv2d(before, after, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2)]

        return nn.Sequential(*block(3, 32), *block(32, 64), nn.Flatten(), nn.Linear(4096, CLASSES))

    def separable() -> nn.Module:
        depthwise = [nn.Conv2d(64, 64, 3, 1, 1, groups=64, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
        pointwise = [nn.Conv2d(64, 128, 1, bias=False), nn.BatchNorm2d(128), nn.ReLU()]
        return nn.Sequential(*depthwise, *pointwise, nn.AdaptiveAvgPool2d(1), nn.Flatten())

    def mlp() -> nn.Module:
        hidden = [nn.Linear(784, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU()]
        return nn.Sequential(*hidden, nn.Linear(1024, CLASSES))

    network = {
        "mlp": mlp,
        "alexnet_forward": alexnet,
        "resnet18": resnet18,
        "dcgan_generator": dcgan,
        "dcgan_discriminator": discriminator,
        "max_pooled_net": pooled,
        "depthwise_separable": separable,
    }[name]()
    if name == "alexnet_forward":
        network.eval()

        def forward() -> None:
            with torch.inference_mode():
                for _ in range(steps):
                    network(x)

        return forward
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)

    def train() -> None:
        for _ in range(steps):
            optimizer.zero_grad(set_to_none=True)
            out = network(x)
            loss = functional.cross_entropy(out, target) if out.shape[1:] == (CLASSES,) else out.square().mean()
            loss.backward()
            optimizer.step()

    return train


def main(names: list[str] | None = None) -> None:
    against_torch("networks", {name: CASES[name][1:] for name in names or CASES}, ours, torchs, ROUNDS)


if __name__ == "__main__":
    main(sys.argv[1:])
