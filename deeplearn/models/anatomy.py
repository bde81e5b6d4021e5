"""What a network is: each layer's output shape, parameters, multiply-adds, receptive field and stride.

    python -m deeplearn.models.anatomy --model=alexnet
    python -m deeplearn.models.anatomy --model=resnet18 --small --image=32 --classes=10 --csv=resnet18.csv

From Python `anatomy(model, images)` does so for any Flax model. The model is traced with shapes only: nothing is
computed, and a ResNet-152 takes seconds.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import math
import re
import sys
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.traverse_util import flatten_dict
from jax.ad_checkpoint import checkpoint_name
from jax.extend.core import Literal

from deeplearn.command import exit_code, parser
from deeplearn.errors import UserError
from deeplearn.models.reach import Reach, Span, everything, through
from deeplearn.models.zoo import ZOO, member


@dataclasses.dataclass(frozen=True)
class Layer:
    """One line of the table; shape and multiply-adds are those of one example.

    receptive_field and stride (in pixels of the input) have an entry for each axis of the image; None is all of it.
    """

    name: str
    kind: str
    output: tuple[int, ...]
    parameters: int
    multiply_adds: int
    receptive_field: tuple[Fraction | None, ...]
    stride: tuple[Fraction | None, ...]


@dataclasses.dataclass(frozen=True)
class Anatomy:
    """The layers in the order in which they are computed.

    statistics: entries of the collections that are not trained (batch norm's averages).
    """

    layers: tuple[Layer, ...]
    statistics: int

    @property
    def parameters(self) -> int:
        return sum(layer.parameters for layer in self.layers)

    @property
    def multiply_adds(self) -> int:
        return sum(layer.multiply_adds for layer in self.layers)

    def __getitem__(self, name: str) -> Layer:
        return next(layer for layer in self.layers if layer.name == name)

    def csv(self) -> str:
        """The table with a line for each layer and a line of totals."""
        lines = io.StringIO()
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerows(_cells(layer, "") for layer in self.layers)
        writer.writerow(["total", "", "", self.parameters, self.multiply_adds, "", ""])
        return lines.getvalue()

    def __str__(self) -> str:
        rows = [_COLUMNS, *(_cells(layer, ",") for layer in self.layers)]
        rows.append(["total", "", "", f"{self.parameters:,}", f"{self.multiply_adds:,}", "", ""])
        widths = [max(len(row[k]) for row in rows) for k in range(len(_COLUMNS))]
        text = [
            "  ".join(cell.ljust(width) if k < 2 else cell.rjust(width) for k, (cell, width) in enumerate(pairs))
            for pairs in (list(zip(row, widths, strict=True)) for row in rows)
        ]
        text.insert(1, "-" * len(text[0]))
        text.insert(-1, "-" * len(text[0]))
        if self.statistics:
            text.append(f"{self.statistics:,} moving statistics besides")
        return "\n".join(line.rstrip() for line in text)


_COLUMNS = ["layer", "kind", "output", "parameters", "multiply_adds", "receptive_field", "stride"]


def _cells(layer: Layer, thousands: str) -> list[str]:
    def sides(values: tuple[Fraction | None, ...]) -> str:
        if all(value is None for value in values):
            return "all" if values else "-"
        texts = ["all" if value is None else str(value) for value in values]
        return texts[0] if len(set(texts)) == 1 else "×".join(texts)

    counts = [format(number, thousands) for number in (layer.parameters, layer.multiply_adds)]
    shape = "×".join(map(str, layer.output))
    return [layer.name, layer.kind, shape, *counts, sides(layer.receptive_field), sides(layer.stride)]


def anatomy(model: nn.Module, *inputs: Any, **options: Any) -> Anatomy:
    """Traces `model(*inputs, **options)`.

    Args:
        inputs: arrays or their `jax.ShapeDtypeStruct`; receptive fields are on the first, [batch, positions …,
            features] or integers [batch, positions …].
        options: what the model is told besides, such as train=True.

    Parameters are those that this call uses: auxiliary heads count in training only. A multiply-add is one product
    of a convolution or of a matrix product; biases, normalisation and pooling are not counted, as in the tables of
    papers. Where there is a choice by platform, the operation is that of an accelerator. The body of a `while` loop
    counts once, a `cond` as its last branch. A unit normalised by statistics of the batch, in training, depends
    on all of the input, and so does what follows.
    """
    calls: list[_Call] = []

    def run(*args: Any) -> Any:
        with nn.intercept_methods(_recorder(calls)):
            # Without variables a module makes them where it meets them: one trace for the shapes of everything.
            return model.apply({}, *args, **options, rngs={"params": jax.random.key(0)}, mutable=True)

    program, (_, variables) = jax.make_jaxpr(run, return_shape=True)(*inputs)
    image = jax.tree.leaves(inputs)[0]
    positions = range(1, image.ndim if jnp.issubdtype(image.dtype, jnp.integer) else image.ndim - 1)
    reaches: list[Reach] = [None] * len(program.jaxpr.invars)
    reaches[0] = tuple(Span(axis) for axis in positions)
    reader = _Reader(calls, batch=image.shape[0])
    reader.read(program.jaxpr, reaches, owner=None, times=1)
    return reader.result(variables)


@dataclasses.dataclass
class _Call:
    """One application of a module; calls are numbered in the order in which they begin."""

    path: tuple[str, ...]
    kind: str
    children: list[int] = dataclasses.field(default_factory=list)
    part: int | None = None  # the one call whose result this one returns as it is: they are one layer
    result: Any = None

    @property
    def leaf(self) -> bool:
        return not self.children or self.part is not None


def _recorder(calls: list[_Call]) -> Any:
    """An interceptor that notes each module's call and marks in the traced program what it computes."""
    active: list[int] = []

    def record(call: Any, args: Any, kwargs: Any, context: nn.module.InterceptorContext) -> Any:
        path = context.module.path
        helper = any(calls[index].path == path for index in active)  # a method that the module calls on itself
        if helper or context.method_name == "setup":
            return call(*args, **kwargs)
        index, this = len(calls), _Call(path, type(context.module).__name__)
        calls.append(this)
        if active:
            calls[active[-1]].children.append(index)
        active.append(index)
        try:
            with jax.named_scope(f"call<{index}>"):
                result = call(*args, **kwargs)
        finally:
            active.pop()
        children = this.children
        if path and len(children) == 1 and calls[children[0]].leaf and calls[children[0]].result is result:
            this.part = children[0]
        else:
            leaves, structure = jax.tree.flatten(result)
            if leaves and isinstance(leaves[-1], jax.Array):  # of a recurrent cell's (carry, output) the output
                leaves[-1] = checkpoint_name(leaves[-1], f"call<{index}>")
            result = jax.tree.unflatten(structure, leaves)
        this.result = result
        return result

    return record


@dataclasses.dataclass
class _Row:
    name: str
    kind: str
    output: tuple[int, ...] = ()
    reach: Reach = None
    multiply_adds: int = 0
    window: bool = False
    parameters: int = 0


class _Reader:
    """Goes through a traced program and fills in the rows."""

    def __init__(self, calls: Sequence[_Call], batch: int) -> None:
        self.calls, self.batch = calls, batch
        self.rows: dict[int | str, _Row] = {}  # by the number of the call, or by name outside of layers
        self.whole = {call.part: index for index, call in enumerate(calls) if call.part is not None}

    def outermost(self, call: int) -> int:
        """The largest of the calls that are one layer with this one."""
        while call in self.whole:
            call = self.whole[call]
        return call

    def row(self, call: int) -> _Row:
        call = self.outermost(call)
        module = self.calls[call]
        return self.rows.setdefault(call, _Row("/".join(module.path) or "(model)", module.kind))

    def operation(self, kind: str, owner: int | None, eqn: Any, reach: Reach) -> _Row:
        """The row of an operation: its layer's, or outside of layers one of its own."""
        if owner is not None and self.calls[owner].leaf:
            return self.row(owner)
        path = self.calls[owner].path if owner is not None else ()
        name = next(name for name in ("/".join((*path, f"{kind}_{n}")) for n in count()) if name not in self.rows)
        self.rows[name] = _Row(name, kind, eqn.outvars[0].aval.shape[1:], reach)
        return self.rows[name]

    def read(self, program: Any, reaches: Sequence[Reach], owner: int | None, times: int) -> list[Reach]:
        """Follows `reaches` from a jaxpr's inputs to its outputs; `times`: how often the program runs."""
        known = dict(zip(program.invars, reaches, strict=True))

        def reach_of(variable: Any) -> Reach:
            return None if isinstance(variable, Literal) else known.get(variable)

        for eqn in program.eqns:
            within = re.findall(r"call<(\d+)>", str(eqn.source_info.name_stack))
            caller = int(within[-1]) if within else owner
            operands = [reach_of(variable) for variable in eqn.invars]
            known.update(zip(eqn.outvars, self.equation(eqn, operands, caller, times), strict=True))
        return [reach_of(variable) for variable in program.outvars]

    def equation(self, eqn: Any, reaches: Sequence[Reach], owner: int | None, times: int) -> Sequence[Reach]:
        name, params = eqn.primitive.name, eqn.params
        if name == "cond":
            platforms = params.get("branches_platforms") or ()
            chosen = platforms.index(None) if None in platforms else -1
            return self.read(params["branches"][chosen].jaxpr, reaches[1:], owner, times)
        if name in ("scan", "while"):
            body = params["jaxpr"] if name == "scan" else params["body_jaxpr"]
            inputs = reaches if name == "scan" else reaches[params["cond_nconsts"] :]
            constants = _scan_constants(params) if name == "scan" else params["body_nconsts"]
            dependent = everything(reaches)
            # From the second turn on what is carried depends on what the first has seen.
            inside = [None if reach is None and k < constants else dependent for k, reach in enumerate(inputs)]
            self.read(body.jaxpr, inside, owner, times * params.get("length", 1))
            return [dependent] * len(eqn.outvars)
        for inner in (params.get("jaxpr"), params.get("call_jaxpr"), params.get("fun_jaxpr")):
            if inner is not None:
                return self.read(getattr(inner, "jaxpr", inner), reaches, owner, times)

        reach = through(eqn, reaches)
        marked = re.fullmatch(r"call<(\d+)>", params["name"]) if name == "name" else None
        if marked:
            row = self.row(int(marked[1]))
            row.output, row.reach = eqn.outvars[0].aval.shape[1:], reach
        elif name in ("conv_general_dilated", "dot_general"):
            if reach is not None:
                kind = "convolution" if name == "conv_general_dilated" else "matrix_product"
                self.operation(kind, owner, eqn, reach).multiply_adds += times * _products(eqn)
        elif name in _POOLS and reaches[0] is not None:
            sizes, strides = params["window_dimensions"], params["window_strides"]
            axes = [span.axis for span in reaches[0] if span.axis is not None]
            if any((sizes[axis], strides[axis]) != (1, 1) for axis in axes):
                self.operation(_POOLS[name], owner, eqn, reach).window = True
        elif name in _GLOBAL and reach:
            before, after = ([span.axis is None for span in spans] for spans in (reaches[0] or (), reach))
            if all(after) and not any(before):
                self.operation(_GLOBAL[name], owner, eqn, reach).window = True
        return [reach] * len(eqn.outvars)

    def result(self, variables: Any) -> Anatomy:
        # Where a transformation traces a module more than once, that of its calls which is in the program.
        order = sorted(range(len(self.calls)), key=lambda index: self.outermost(index) not in self.rows)
        first = {self.calls[index].path: index for index in reversed(order)}
        for path, leaf in flatten_dict(variables.get("params", {})).items():
            self.row(first[path[:-1]]).parameters += leaf.size
        layers = []
        for row in self.rows.values():
            if row.parameters or row.multiply_adds or row.window:
                counts = row.parameters, row.multiply_adds // self.batch
                spans = row.reach or ()
                sizes = tuple(None if span.axis is None else span.size for span in spans)
                jumps = tuple(None if span.axis is None else span.jump for span in spans)
                layers.append(Layer(row.name, row.kind, row.output, *counts, sizes, jumps))
        statistics = sum(
            leaf.size for name in variables if name != "params" for leaf in jax.tree.leaves(variables[name])
        )
        return Anatomy(tuple(layers), statistics)


# A mean is a sum and a division, which here would be a row of its own: sums over positions are called averages.
_POOLS = {"reduce_window_max": "max_pool", "reduce_window_sum": "avg_pool", "reduce_window": "pool"}
_GLOBAL = {"reduce_max": "global_max_pool", "reduce_sum": "global_avg_pool"}


def _scan_constants(params: Mapping[str, Any]) -> int:
    """Inputs of a scan that are the same in every turn; JAX 0.11 keeps a tree of (constants, carried, scanned)."""
    return params["num_consts"] if "num_consts" in params else len(params["ft_in"].unpack()[0])


def _products(eqn: Any) -> int:
    """Products of numbers in a convolution or matrix product, those with a dilated input's zeros left out."""
    output, (left, right) = eqn.outvars[0].aval, (variable.aval.shape for variable in eqn.invars)
    if eqn.primitive.name == "dot_general":
        (contracted, _), _ = eqn.params["dimension_numbers"]
        return output.size * math.prod(left[axis] for axis in contracted)
    _, inputs, *window = eqn.params["dimension_numbers"].rhs_spec
    products = output.size * right[inputs] * math.prod(right[axis] for axis in window)
    return products // math.prod(eqn.params["lhs_dilation"])


def main(arguments: Sequence[str]) -> None:
    """The command; UserError for a mistake."""
    known = parser("deeplearn.models.anatomy", __doc__)
    known.add_argument("--model", required=True, help=f"one of {', '.join(ZOO)}")
    known.add_argument("--small", action="store_true", help="the form for images of 8 to 32 pixels")
    known.add_argument("--image", type=int, help="pixels a side (default: what the network was made for, or 32)")
    known.add_argument("--channels", type=int, default=3, help="channels of the image (default: 3)")
    known.add_argument("--classes", type=int, default=1000, help="outputs; 0 for features (default: 1000)")
    known.add_argument("--train", action="store_true", help="as in training: with auxiliary heads")
    known.add_argument("--csv", type=Path, help="also write the table there")
    flags = known.parse_args(arguments)
    chosen = member(flags.model)
    side = flags.image if flags.image is not None else 32 if flags.small else chosen.image
    for name, value, least in (("image", side, 1), ("channels", flags.channels, 1), ("classes", flags.classes, 0)):
        if value < least:
            raise UserError(f"--{name}={value} should be at least {least}")
    net = chosen.small(flags.classes) if flags.small else chosen.paper(flags.classes)
    image = jax.ShapeDtypeStruct((1, side, side, flags.channels), jnp.float32)
    try:
        table = anatomy(net, image, train=flags.train)
    except (TypeError, ValueError, ZeroDivisionError):
        table = None
    if table is None or any(0 in layer.output for layer in table.layers):
        raise UserError(f"{flags.model} cannot take images of {side} pixels: they vanish before its last layer")
    print(table)
    if flags.csv:
        try:
            flags.csv.write_text(table.csv(), encoding="utf-8")
        except OSError as error:
            raise UserError(f"{flags.csv} cannot be written: {error.strerror}") from None


if __name__ == "__main__":
    sys.exit(exit_code(main, sys.argv[1:]))
