"""Values of tensors that a network can use: of floating point, and finite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from deeplearn.errors import UserError


def as_dtype(value: np.ndarray, dtype: Any, name: str, source: Path) -> np.ndarray:
    """The values of the tensor `name` in `source` as `dtype`.

    UserError where they are integers or complex (of a quantised network, whose scales lie elsewhere), or where one
    of them is NaN or infinite: every output of the network would be.
    """
    if value.dtype != dtype and not jnp.issubdtype(value.dtype, jnp.floating):
        raise UserError(
            f"{name} in {source} is of type {value.dtype}: a network wants weights in float16, bfloat16 or float32"
        )
    with np.errstate(over="ignore"):
        result = value.astype(dtype)
    if odd := int(np.count_nonzero(~np.isfinite(result))):
        raise UserError(
            f"{odd} of the {result.size} values of {name} in {source} are not finite: take weights from before it "
            "diverged"
        )
    return result
