"""What torch's layers give, values and gradients, for tests/nn. With torch 2.13.0 it wrote layers.npz.

For each case: x, w and b (where there are any), a cotangent g, the output y and the gradients dx, dw, db of the sum
of y·g; images as [B, H, W, C], weights in torch's own layout. Pools see rectified values rounded to tenths, many of
them equal.
"""

from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

generator = np.random.default_rng(0)
written: dict[str, np.ndarray] = {}


def normal(*shape: int) -> np.ndarray:
    return generator.normal(size=shape).astype(np.float32)


def record(name: str, function, x: np.ndarray, *weights: np.ndarray) -> None:
    tensors = [torch.tensor(array, requires_grad=True) for array in (x, *weights)]
    y = function(tensors[0].permute(0, 3, 1, 2), *tensors[1:]).permute(0, 2, 3, 1)
    g = normal(*y.shape)
    (y * torch.tensor(g)).sum().backward()
    written[f"{name}/y"], written[f"{name}/g"] = y.detach().numpy(), g
    for letter, tensor in zip("xwb", tensors, strict=False):
        written[f"{name}/{letter}"], written[f"{name}/d{letter}"] = tensor.detach().numpy(), tensor.grad.numpy()


ties = np.maximum(np.round(normal(2, 8, 7, 2), 1), 0)
record("max_3_2_0", lambda x: F.max_pool2d(x, 3, 2), ties)
record("max_3_2_0_ceil", lambda x: F.max_pool2d(x, 3, 2, ceil_mode=True), ties)
record("max_2_2_1_ceil", lambda x: F.max_pool2d(x, 2, 2, 1, ceil_mode=True), ties)
record("max_3_1_1", lambda x: F.max_pool2d(x, 3, 1, 1), ties)
record("average_3_2_1", lambda x: F.avg_pool2d(x, 3, 2, 1), ties)
record("average_3_2_1_inside", lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False), ties)
record(
    "l2_3_2", lambda x: F.lp_pool2d(x, 2.0, 3, 2), np.where(np.arange(8)[:, None, None] < 3, 0, ties).astype("f4")
)
record("lrn", lambda x: F.local_response_norm(x, 5, 5e-2, 0.75, 2.0), 3 * normal(2, 3, 2, 9))
record("lrn_even", lambda x: F.local_response_norm(x, 4, 5e-2, 0.6, 1.0), 3 * normal(2, 3, 2, 9))
record("grouped", lambda x, w, b: F.conv2d(x, w, b, 2, 1, 2, 2), normal(2, 7, 8, 6), normal(4, 3, 3, 2), normal(4))
record(
    "depthwise",
    lambda x, w, b: F.conv2d(x, w, b, (2, 1), 1, 1, 3),
    normal(2, 7, 6, 3),
    normal(6, 1, 3, 3),
    normal(6),
)
for kernel, stride, padding, extra in (
    (4, 2, 1, 0),
    (3, 2, 1, 1),
    (2, 3, 0, 1),
    (5, 3, 2, 0),
    (3, 1, 0, 0),
    (4, 2, 3, 1),
):
    record(
        f"transposed_{kernel}_{stride}_{padding}_{extra}",
        lambda x, w, b, how=(stride, padding, extra): F.conv_transpose2d(x, w, b, *how),
        normal(2, 4, 5, 3),
        normal(3, 2, kernel, kernel),
        normal(2),
    )
if __name__ == "__main__":
    np.savez_compressed(Path(__file__).with_suffix(".npz"), **written)
