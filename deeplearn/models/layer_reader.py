"""How `anatomy` reads layers from a traced program, in which module calls are marked: each operation belongs to
one."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

import flax.linen as nn
import jax
from flax.traverse_util import flatten_dict
from jax.ad_checkpoint import checkpoint_name
from jax.extend.core import Literal

from deeplearn.models.layer_table import Anatomy, Layer
from deeplearn.models.reach import Reach, everything, through


@dataclasses.dataclass
class Call:
    """One application of a module; calls are numbered in the order in which they begin."""

    path: tuple[str, ...]
    kind: str
    children: list[int] = dataclasses.field(default_factory=list)
    part: int | None = None  # the call whose result this one returns unchanged: they are one layer
    result: Any = None

    @property
    def leaf(self) -> bool:
        return not self.children or self.part is not None


def recorder(calls: list[Call]) -> Any:
    """An interceptor that records each module's call and marks in the traced program what it computes."""
    active: list[int] = []

    def record(call: Any, args: Any, kwargs: Any, context: nn.module.InterceptorContext) -> Any:
        path = context.module.path
        helper = any(calls[index].path == path for index in active)  # a method that the module calls on itself
        if helper or context.method_name == "setup":
            return call(*args, **kwargs)
        index, this = len(calls), Call(path, type(context.module).__name__)
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


class Reader:
    """Walks through a traced program and fills in the rows."""

    def __init__(self, calls: Sequence[Call], batch: int) -> None:
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
            # From the second iteration on, the carry depends on what the first has read.
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
        # Where a transformation traces a module more than once: the call that is in the program.
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


# A mean is a sum and a division, which would be a row of its own: sums over positions are called averages.
_POOLS = {"reduce_window_max": "max_pool", "reduce_window_sum": "avg_pool", "reduce_window": "pool"}
_GLOBAL = {"reduce_max": "global_max_pool", "reduce_sum": "global_avg_pool"}


def _scan_constants(params: Mapping[str, Any]) -> int:
    """Inputs of a scan that never change; JAX 0.11 keeps a tree of (constants, carried, scanned)."""
    return params["num_consts"] if "num_consts" in params else len(params["ft_in"].unpack()[0])


def _products(eqn: Any) -> int:
    """Products of numbers in a convolution or matrix product, without those with the zeros of a dilated input."""
    output, (left, right) = eqn.outvars[0].aval, (variable.aval.shape for variable in eqn.invars)
    if eqn.primitive.name == "dot_general":
        (contracted, _), _ = eqn.params["dimension_numbers"]
        return output.size * math.prod(left[axis] for axis in contracted)
    _, inputs, *window = eqn.params["dimension_numbers"].rhs_spec
    products = output.size * right[inputs] * math.prod(right[axis] for axis in window)
    return products // math.prod(eqn.params["lhs_dilation"])
