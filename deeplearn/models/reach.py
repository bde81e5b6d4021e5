"""Which part of an input each unit of a program's arrays depends on: receptive fields, read from a jaxpr.

Along each axis of the input, unit i of an array depends on the pixels from low + i·jump to high + i·jump. For
windows of size k, stride s and padding p (Araujo, Norris & Sim 2019, "Computing receptive fields of convolutional
neural networks", equations 2 and 3, in closed intervals):

    low' = low − p·jump      high' = high + (k − 1 − p)·jump      jump' = s·jump
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any


@dataclasses.dataclass(frozen=True)
class Span:
    """The reach along one axis of the input. `axis` is the array's axis that runs along it; None: all of it."""

    axis: int | None
    jump: Fraction = Fraction(1)
    low: Fraction = Fraction(0)
    high: Fraction = Fraction(0)

    @property
    def size(self) -> Fraction:
        return self.high - self.low + 1


Reach = tuple[Span, ...] | None  # a span for each axis of the input; None: does not depend on it
EVERYTHING = Span(None)

# Their output has the shape of the input, but is not computed unit by unit.
_MIXING = {
    *(
        "sort",
        "fft",
        "rev",
        "cumsum",
        "cumprod",
        "cummax",
        "cummin",
        "cumlogsumexp",
        "triangular_solve",
        "cholesky",
    ),
    *("scatter", "scatter-add", "scatter_add", "scatter_mul", "scatter_min", "scatter_max", "dynamic_update_slice"),
}


def join(reaches: Sequence[Reach]) -> Reach:
    """The reach of a unit that depends on the same unit of each of several arrays."""
    known = [reach for reach in reaches if reach is not None]
    if not known:
        return None
    joined = []
    for spans in zip(*known, strict=True):
        if any(span.axis is None for span in spans) or len({(span.axis, span.jump) for span in spans}) > 1:
            joined.append(EVERYTHING)
        else:
            low, high = min(span.low for span in spans), max(span.high for span in spans)
            joined.append(dataclasses.replace(spans[0], low=low, high=high))
    return tuple(joined)


def everything(reaches: Sequence[Reach]) -> Reach:
    """All of the input, if any of the arrays depends on it."""
    known = next((reach for reach in reaches if reach is not None), None)
    return None if known is None else (EVERYTHING,) * len(known)


def moved(reach: Reach, axes: dict[int, int]) -> Reach:
    """The same units at other axes; what runs along an axis that is not in `axes` reaches all of the input."""
    if reach is None:
        return None
    return tuple(
        dataclasses.replace(span, axis=axes[span.axis]) if span.axis in axes else EVERYTHING for span in reach
    )


def windowed(span: Span, size: int, stride: int, padding: int, base: int = 1, dilation: int = 1) -> Span:
    """The reach of windows over units; `base` is the dilation of the units themselves (transposed convolution).

    There windows cover more units in some places than in others: the largest size is given.
    """
    jump = span.jump / base
    met = math.ceil(((size - 1) * dilation + 1) / base)
    low = span.low - padding * jump
    high = low + (span.high - span.low) + (met - 1) * span.jump
    return Span(span.axis, jump * stride, low, high)


def _convolution(eqn: Any, reaches: Sequence[Reach]) -> Reach:
    params = eqn.params
    if reaches[0] is None or reaches[1] is not None:
        return everything(reaches)
    inputs, outputs = params["dimension_numbers"].lhs_spec, params["dimension_numbers"].out_spec
    kernel = [eqn.invars[1].aval.shape[axis] for axis in params["dimension_numbers"].rhs_spec[2:]]
    spans = []
    for span in reaches[0]:
        if span.axis in inputs[2:]:
            k = inputs[2:].index(span.axis)
            span = windowed(
                span,
                kernel[k],
                params["window_strides"][k],
                params["padding"][k][0],
                params["lhs_dilation"][k],
                params["rhs_dilation"][k],
            )
            spans.append(dataclasses.replace(span, axis=outputs[2 + k]))
        elif span.axis == inputs[0]:
            spans.append(dataclasses.replace(span, axis=outputs[0]))
        else:
            spans.append(EVERYTHING)
    return tuple(spans)


def _window(eqn: Any, reaches: Sequence[Reach]) -> Reach:
    params = eqn.params
    sizes = params["window_dimensions"]
    spans = []
    for span in reaches[0] or ():
        if span.axis is not None:
            k = span.axis
            padding, stride = params["padding"][k][0], params["window_strides"][k]
            span = windowed(
                span, sizes[k], stride, padding, params["base_dilation"][k], params["window_dilation"][k]
            )
        spans.append(span)
    return tuple(spans) if reaches[0] is not None else None


def _product(eqn: Any, reaches: Sequence[Reach]) -> Reach:
    contracted, batch = eqn.params["dimension_numbers"]
    sides = []
    start = len(batch[0])
    for side in (0, 1):
        rank = len(eqn.invars[side].aval.shape)
        free = [axis for axis in range(rank) if axis not in contracted[side] and axis not in batch[side]]
        axes = {axis: k for k, axis in enumerate(batch[side])}
        axes |= {axis: start + k for k, axis in enumerate(free)}
        start += len(free)
        sides.append(moved(reaches[side], axes))
    return join(sides)


def _same_axes(before: Sequence[int], after: Sequence[int]) -> dict[int, int]:
    """Axes that a reshape leaves alone: equally long, with equally many entries before them."""
    same: dict[int, int] = {}
    for k, size in enumerate(before):
        rest = range(max(same.values(), default=-1) + 1, len(after))
        front = math.prod(before[:k])
        fits = (other for other in rest if after[other] == size and math.prod(after[:other]) == front)
        if (other := next(fits, None)) is not None:
            same[k] = other
    return same


def _gather(eqn: Any, reaches: Sequence[Reach]) -> Reach:
    """A table read at indices that depend on the input (embeddings); any other gather reaches everything."""
    if reaches[0] is not None:
        return everything(reaches)
    offsets = eqn.params["dimension_numbers"].offset_dims
    rank = len(eqn.outvars[0].aval.shape)
    return moved(reaches[1], dict(enumerate(axis for axis in range(rank) if axis not in offsets)))


def _concatenation(eqn: Any, reaches: Sequence[Reach]) -> Reach:
    dimension, offset = eqn.params["dimension"], 0
    shifted: list[Reach] = []
    for variable, reach in zip(eqn.invars, reaches, strict=True):
        if reach is not None:
            reach = tuple(_from(span, -offset) if span.axis == dimension else span for span in reach)
        shifted.append(reach)
        offset += variable.aval.shape[dimension]
    return join(shifted)


def _from(span: Span, start: int) -> Span:
    """The reach where unit 0 is the former unit `start`."""
    return dataclasses.replace(span, low=span.low + start * span.jump, high=span.high + start * span.jump)


def _slice(eqn: Any, reaches: Sequence[Reach]) -> Reach:
    if reaches[0] is None:
        return None
    starts = eqn.params["start_indices"]
    strides = eqn.params["strides"] or (1,) * len(starts)
    spans = []
    for span in reaches[0]:
        if span.axis is not None:
            stride = strides[span.axis]
            span = _from(span, starts[span.axis])
            span = dataclasses.replace(span, jump=span.jump * stride)
        spans.append(span)
    return tuple(spans)


def _pad(eqn: Any, reaches: Sequence[Reach]) -> Reach:
    spans = []
    for span in reaches[0] or ():
        if span.axis is not None:
            before, _, interior = eqn.params["padding_config"][span.axis]
            span = _from(dataclasses.replace(span, jump=span.jump / (interior + 1)), -before)
        spans.append(span)
    return tuple(spans) if reaches[0] is not None else None


def through(eqn: Any, reaches: Sequence[Reach]) -> Reach:
    """The reach of the result of an equation without an inner program, from those of its operands."""
    name, params = eqn.primitive.name, eqn.params
    shapes = [variable.aval.shape for variable in eqn.invars]
    output = eqn.outvars[0].aval.shape
    if all(reach is None for reach in reaches):
        return None
    if name == "conv_general_dilated":
        return _convolution(eqn, reaches)
    if name.startswith("reduce_window"):
        return _window(eqn, reaches)
    if name == "dot_general":
        return _product(eqn, reaches)
    if name == "gather":
        return _gather(eqn, reaches)
    if name == "concatenate":
        return _concatenation(eqn, reaches)
    if name == "slice":
        return _slice(eqn, reaches)
    if name == "pad":
        return _pad(eqn, reaches)
    if name == "transpose":
        return moved(reaches[0], {axis: k for k, axis in enumerate(params["permutation"])})
    if name == "reshape":
        return moved(reaches[0], _same_axes(shapes[0], output))
    if name == "squeeze":
        left = [axis for axis in range(len(shapes[0])) if axis not in params["dimensions"]]
        return moved(reaches[0], {axis: k for k, axis in enumerate(left)})
    if name == "broadcast_in_dim":
        targets = params["broadcast_dimensions"]
        kept = {axis: k for axis, k in enumerate(targets) if shapes[0][axis] == output[k]}
        return moved(reaches[0], kept)
    if name == "dynamic_slice":
        return moved(reaches[0], {k: k for k, size in enumerate(output) if size == shapes[0][k]})
    if "axes" in params and len(output) < len(shapes[0]):  # reductions
        left = [axis for axis in range(len(shapes[0])) if axis not in params["axes"]]
        return moved(reaches[0], {axis: k for k, axis in enumerate(left)})
    unit_by_unit = all(reach is None or shape == output for reach, shape in zip(reaches, shapes, strict=True))
    return join(reaches) if unit_by_unit and name not in _MIXING else everything(reaches)
