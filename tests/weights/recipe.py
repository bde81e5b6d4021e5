"""Random weights as a function of their names and shapes, so that only logits have to be stored. Numpy alone."""

import math
import zlib

import numpy as np


def random_tensors(shapes, keras):
    """{name: float32 array}: He's kernels, biases and statistics that are far from where training starts."""
    return {name: _random(name, tuple(shape), keras) for name, shape in shapes.items()}


def random_images(side, count=2):
    return np.random.default_rng(side).normal(size=(count, side, side, 3)).astype(np.float32)


def _random(name, shape, keras):
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    if name.endswith("num_batches_tracked"):
        return np.array(7)
    if name.endswith(("running_var", "moving_variance", "gamma")) or (len(shape) == 1 and name.endswith("weight")):
        return rng.uniform(0.5, 1.5, shape).astype(np.float32)
    if len(shape) == 1:
        return (0.2 * rng.normal(size=shape)).astype(np.float32)
    fan_in = math.prod(shape[:-1] if keras else shape[1:])
    if keras and len(shape) == 4 and shape[-1] == 1:  # depthwise
        fan_in = shape[0] * shape[1]
    return (rng.normal(size=shape) * math.sqrt(2 / fan_in)).astype(np.float32)
