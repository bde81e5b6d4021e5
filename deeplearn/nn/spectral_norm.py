"""Spectral normalisation of a whole network: no layer enlarges any difference of its inputs."""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.traverse_util import flatten_dict, unflatten_dict

EPSILON = 1e-12
KERNELS = ("kernel", "embedding")  # the parameters that are matrices


class SpectralNorm(nn.Module):
    """`network` with each kernel divided by its largest singular value (Miyato et al. 2018, algorithm 1).

    A kernel of a convolution counts as a matrix [height · width · inputs, features], as in the paper. The value is
    estimated by one step of the power iteration a call, from where the last call with train=True ended (collection
    "spectral"); its gradient is the one of uᵀWv with u and v constant.
    """

    network: nn.Module

    @nn.compact
    def __call__(self, *args: Any, train: bool = False) -> Any:
        if self.is_initializing():
            self.network(*args, train=train)  # makes the kernels
        kernels = {
            path: kernel
            for path, kernel in flatten_dict(dict(self.network.variables["params"])).items()
            if path[-1] in KERNELS
        }
        largest = {path: self._largest("/".join(path), kernel, train) for path, kernel in kernels.items()}

        def normalised(variables: Any) -> Any:
            flat = flatten_dict(dict(variables["params"]))
            return {"params": unflatten_dict({path: x / largest.get(path, 1) for path, x in flat.items()})}

        def call(network: nn.Module, *args: Any) -> Any:
            return network(*args, train=train)  # type: ignore[operator]

        return nn.map_variables(call, "params", trans_in_fn=normalised)(self.network, *args)

    def _largest(self, name: str, kernel: jax.Array, train: bool) -> jax.Array:
        def start() -> jax.Array:
            return jax.random.normal(self.make_rng("params"), kernel.shape[-1:])

        matrix = kernel.reshape(-1, kernel.shape[-1]).astype(jnp.float32)
        constant, state = jax.lax.stop_gradient(matrix), self.variable("spectral", name, start)
        left = _unit(constant @ state.value)
        right = _unit(left @ constant)
        if train:
            state.value = right
        return (left @ matrix @ right).astype(kernel.dtype)


def _unit(x: jax.Array) -> jax.Array:
    return x / (jnp.linalg.norm(x) + EPSILON)
