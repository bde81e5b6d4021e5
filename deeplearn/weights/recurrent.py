"""Recurrent layers of torch and of Keras as parameters of our `Recurrent`."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from deeplearn.data.labels import shown
from deeplearn.errors import UserError
from deeplearn.nn.cells import Cell, GRUCell, LSTMCell
from deeplearn.nn.recurrent import Recurrent
from deeplearn.weights.files import Tensors
from deeplearn.weights.values import as_dtype

TORCH = re.compile(r"(?P<prefix>.*)weight_ih_l(?P<layer>\d+)(?P<backward>_reverse)?")
KERAS = re.compile(r"(?P<layer>.*?)(?:/(?P<direction>forward|backward))?/recurrent_kernel")


class Weights(NamedTuple):
    """One cell's: kernels [inputs, gates·features] and [features, gates·features], in the library's order of gates.

    bias: [gates·features], or two of these, of the input and of the state.
    """

    kernel: np.ndarray
    recurrent: np.ndarray
    bias: np.ndarray


def convert(net: Recurrent, variables: Mapping[str, Any], tensors: Tensors, source: Path) -> dict[str, Any]:
    """`variables` of `net`, {"params": …}, with the values in `tensors`, of torch's or of Keras's recurrent layers.

    A file may hold more, such as an embedding and a head: they are left. UserError where it holds other layers.
    """
    if net.layer_norm:
        raise UserError(
            f"{source} cannot be loaded: neither torch nor Keras has layer norm between recurrent layers"
        )
    torch = any(TORCH.fullmatch(name) for name in tensors)
    cells = (_torch if torch else _keras)(tensors, source)
    order = _order(net.cell, torch)
    wanted = [
        f"{way}_{layer}" for layer in range(net.layers) for way in ("forward", "backward")[: 1 + net.bidirectional]
    ]
    if sorted(cells) != sorted(wanted):
        raise UserError(
            f"{source} has the recurrent layers {shown(sorted(cells)) or '(none)'}, and this network wants "
            f"{shown(wanted)}: give it as many, in as many directions"
        )
    params = {name: _cell(cells[name], order, variables["params"][name], name, source) for name in wanted}
    return {"params": params}


def _order(cell: Callable[..., Cell], torch: bool) -> list[int]:
    """Which of the library's gates stands at each of our places."""
    while isinstance(cell, functools.partial):
        cell = cell.func
    if cell is LSTMCell:
        return [1, 0, 2, 3]  # both libraries have the input gate before the forget gate
    return ([0, 1, 2] if torch else [1, 0, 2]) if cell is GRUCell else [0]


def _torch(tensors: Tensors, source: Path) -> dict[str, Weights]:
    found = [match for name in tensors if (match := TORCH.fullmatch(name))]
    prefixes = list(dict.fromkeys(match["prefix"] for match in found))
    if len(prefixes) > 1:
        raise UserError(
            f"{source} holds several recurrent networks ({shown(prefixes)}): save one of them by itself"
        )
    cells = {}
    for match in found:
        name = f"{match['prefix']}{{}}_l{match['layer']}{match['backward'] or ''}"
        if name.format("weight_hr") in tensors:
            raise UserError(f"{source} holds an LSTM with a projection (proj_size), which this network has not")
        kernel, recurrent = (tensors[name.format(f"weight_{part}")].T for part in ("ih", "hh"))
        biases = [tensors.get(name.format(f"bias_{part}"), np.zeros(kernel.shape[1:])) for part in ("ih", "hh")]
        way = "backward" if match["backward"] else "forward"
        cells[f"{way}_{match['layer']}"] = Weights(kernel, recurrent, np.stack(biases))
    return cells


def _keras(tensors: Tensors, source: Path) -> dict[str, Weights]:
    found = [match for name in tensors if (match := KERAS.fullmatch(name))]
    layers = list(dict.fromkeys(match["layer"] for match in found))  # in the order of the file
    cells = {}
    for match in found:
        beginning = match[0].removesuffix("recurrent_kernel")
        recurrent, kernel = tensors[match[0]], tensors[f"{beginning}kernel"]
        bias = tensors.get(f"{beginning}bias", np.zeros((2, kernel.shape[-1])))
        if kernel.shape[1] == 3 * recurrent.shape[0] and bias.ndim == 1:
            raise UserError(
                f"{source} holds a GRU with reset_after=False, whose reset gate comes before the product: this "
                "network has it after, as torch and Keras's default have"
            )
        cells[f"{match['direction'] or 'forward'}_{layers.index(match['layer'])}"] = Weights(
            kernel, recurrent, bias
        )
    return cells


def _cell(weights: Weights, order: list[int], place: Mapping[str, Any], name: str, source: Path) -> dict[str, Any]:
    """Our parameters of a cell; `place` has them as they are, or their shapes."""
    kernel, recurrent = (np.concatenate(_blocks(x, order, name, source), -1) for x in weights[:2])
    both = np.atleast_2d(weights.bias)
    gates = [_blocks(one, order, name, source) for one in both]
    params: dict[str, Any] = {"recurrent_kernel": recurrent}
    if "candidate_bias" in place:
        *gates[1], params["candidate_bias"] = gates[1]
        gates[1] += [np.zeros_like(params["candidate_bias"])]
    params["input"] = {"kernel": kernel, "bias": sum(np.concatenate(each) for each in gates)}
    for key, found, wanted in (
        ("input kernel", kernel, place["input"]["kernel"]),
        ("recurrent kernel", recurrent, place["recurrent_kernel"]),
    ):
        if found.shape != tuple(wanted.shape):
            raise UserError(
                f"the {key} of {name} in {source} has the shape {list(found.shape)}, but this network wants "
                f"{list(wanted.shape)}: the inputs, the width or the kind of cell differs"
            )
    return {
        key: {role: _typed(x, one[role], name, source) for role, x in one_found.items()}
        if isinstance(one_found := params[key], dict)
        else _typed(one_found, one, name, source)
        for key, one in place.items()
    }


def _typed(value: np.ndarray, like: Any, name: str, source: Path) -> np.ndarray:
    return np.ascontiguousarray(as_dtype(value, like.dtype, name, source))


def _blocks(x: np.ndarray, order: list[int], name: str, source: Path) -> list[np.ndarray]:
    """Equal parts of the last axis, one a gate, in our order."""
    if x.shape[-1] % len(order):
        raise UserError(f"{name} in {source} has {x.shape[-1]} columns: its cell has not {len(order)} gates")
    return [np.split(x, len(order), axis=-1)[place] for place in order]
