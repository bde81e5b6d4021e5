"""What a run of this size would need: parameters, memory, arithmetic and time, without a device.

Nothing is computed but shapes: `--paper --plan --mesh=data:256,model:8` answers on a laptop.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.extend import core

from deeplearn import data
from deeplearn.errors import UserError
from deeplearn.optim.rows import RowOptimizer
from deeplearn.train.config import Config
from deeplearn.train.experiment import Build, Experiment, Turn
from deeplearn.train.loss import call_loss
from deeplearn.train.parallel import DATA, MODEL, Layout, parse_mesh, split_axis
from deeplearn.train.precision import mixed_precision
from deeplearn.train.state import State, begin
from deeplearn.train.trainer import Trainer
from deeplearn.train.trees import at, joined, part

Tree = Any
USED = 0.4  # of an accelerator's peak, what well-made training reaches
DAY = 86_400


class Accelerator(NamedTuple):
    """peak: dense multiplications and additions in bfloat16 a second; memory: bytes. Both are the makers' own."""

    peak: float
    memory: float


ACCELERATORS = {
    "a100": Accelerator(312e12, 80e9),
    "h100": Accelerator(989e12, 80e9),
    "tpu_v4": Accelerator(275e12, 32e9),
    "tpu_v5e": Accelerator(197e12, 16e9),
    "tpu_v5p": Accelerator(459e12, 95e9),
}


@dataclasses.dataclass(frozen=True)
class StageNeeds:
    """Bytes are a device's. flops: of a step, over all devices. activations: what a step keeps for its backward
    pass; recomputed: that where only the results of matrix products and convolutions are kept, and the rest is
    computed again."""

    name: str
    steps: int
    weights: float
    optimiser: float
    gradients: float
    activations: float
    recomputed: float
    flops: float


def plan(name: str, build: Build, config: Config) -> str:
    """The answer of `--plan`, in lines. UserError where the data cannot be loaded or the mesh is none."""
    axes = parse_mesh(config.mesh) or {DATA: 1}
    ways, parts = axes[DATA], axes.get(MODEL, 1)
    if config.replicas > 1:
        raise UserError("--plan is of one seed: leave out --replicas, and count its days and bytes as often")
    experiment = build(config, data.load(config.dataset, config.data_dir or None))
    trainer = Trainer(experiment, config, Layout())
    for each, example in zip(experiment.stages, trainer.feed.examples, strict=True):
        rows = len(jax.tree.leaves(example)[0])
        if rows % (ways * config.accumulate):
            raise UserError(
                f"the {rows} examples of a batch of stage {each.name!r} cannot be split over data:{ways} in "
                f"{config.accumulate} part(s) each"
            )
    params = trainer.abstract_one.params
    split = parts > 1 and not trainer.layout.convolves
    stages = [needs(trainer, index, ways, parts if split else 1) for index in range(len(experiment.stages))]
    # Where parameters are not split, devices along the model axis repeat each other's work.
    devices, working, one = ways * parts, ways * (parts if split else 1), ACCELERATORS[config.accelerator]
    lines = [f"{name}: {_count(params):,} parameters", *(f"  {label:<28} {n:>18,}" for label, n in _sizes(trainer))]
    lines.append(f"{devices} device(s), {ways} part(s) of each batch of {config.batch_size}; {config.precision}")
    if parts > 1 and not split:
        lines.append(
            "parameters are not split over the model axis, because a network has convolutions: those devices only "
            "repeat the work of others"
        )
    for stage in stages:
        days = stage.flops * stage.steps / (USED * one.peak * working) / DAY
        need = stage.weights + stage.optimiser + stage.gradients
        fits = [
            f"{label} {_fits(need + kept, one)}"
            for label, kept in (("all kept", stage.activations), ("recomputed", stage.recomputed))
        ]
        lines += [
            f"stage {stage.name}: {stage.steps:,} steps of {stage.flops:.3g} FLOPs",
            f"  bytes a device: weights {_bytes(stage.weights)}, optimiser and averages {_bytes(stage.optimiser)}, "
            f"gradients {_bytes(stage.gradients)}",
            f"  activations: {_bytes(stage.activations)}; {_bytes(stage.recomputed)} where only products are kept",
            f"  {days:.3g} days on {devices} {config.accelerator} at {USED:.0%} of their peak in bfloat16; in "
            f"{_bytes(one.memory)}: {', '.join(fits)}",
        ]
    return "\n".join(lines)


def needs(trainer: Trainer, index: int, ways: int, parts: int) -> StageNeeds:
    """Of one stage: each batch is split `ways` ways over devices, each matrix into `parts` parts."""
    stage, config = trainer.experiment.stages[index], trainer.config
    state = jax.eval_shape(lambda s: begin(stage, s), trainer.abstract_one)
    example = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), trainer.feed.examples[index])
    kept, recomputed = 0.0, 0.0
    for turn in stage.turns:
        every, products = (
            _on_a_device(trainer, index, turn, state, example, again, ways * config.accumulate)
            for again in (False, True)
        )
        kept, recomputed = max(kept, every), max(recomputed, products)
    trained = [path for group in trainer.groups[index] for path in group.paths]
    return StageNeeds(
        stage.name,
        stage.steps,
        _stored((state.params, state.collections), parts),
        _stored((state.opt_states, state.ema), parts),
        _stored(part(state.params, trained), parts),
        kept,
        recomputed,
        step_flops(trainer, index),
    )


def training_flops(experiment: Experiment, config: Config) -> float:
    """Of all steps of all stages, in products and convolutions; nothing is computed but shapes."""
    trainer = Trainer(experiment, config, Layout())
    return sum(stage.steps * step_flops(trainer, index) for index, stage in enumerate(experiment.stages))


def step_flops(trainer: Trainer, index: int) -> float:
    """Of losses and gradients in a step of one stage. Optimisers have no products, and take long to trace."""
    stage, flops = trainer.experiment.stages[index], 0.0
    state = jax.eval_shape(lambda s: begin(stage, s), trainer.abstract_one)
    example = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), trainer.feed.examples[index])
    for turn in stage.turns:
        loss, *of = _loss(trainer, index, turn, state, example, again=False)
        flops += turn.times / turn.every * jaxpr_flops(jax.make_jaxpr(jax.grad(loss))(*of).jaxpr)
    return flops


def _on_a_device(
    trainer: Trainer, index: int, turn: Turn, state: State, example: Tree, again: bool, parts: int
) -> float:
    """Bytes kept for the backward pass of a part of the batch.

    What does not depend on the batch, such as weights in half precision, every device has whole.
    """
    some = jax.tree.map(lambda x: jax.ShapeDtypeStruct((x.shape[0] // parts, *x.shape[1:]), x.dtype), example)
    return residual_bytes(*_loss(trainer, index, turn, state, some, again))


def _loss(trainer: Trainer, index: int, turn: Turn, state: State, example: Tree, again: bool) -> tuple[Any, ...]:
    """(function of the trained parameters and of the rest that gives the loss, those parameters, the rest)."""
    model, config = trainer.experiment.model, trainer.config
    number = trainer.experiment.stages[index].turns.index(turn)
    mine = [group for group in trainer.groups[index] if number in group.turns]
    paths = [path for group in mine if not isinstance(group.optimizer, RowOptimizer) for path in group.paths]

    def loss(trained: Tree, rest: Tree) -> jax.Array:
        params, collections, batch, key = rest
        with mixed_precision(config.precision):
            (mean, _), _ = model.apply(
                {"params": joined(params, trained), **collections},
                turn,
                {**batch, "step": np.int32(0)},
                method=call_loss,
                rngs={"params": jax.random.wrap_key_data(key)},
                mutable=[*collections],
            )
        return mean.total

    def products(primitive: Any, *_: Any, **__: Any) -> bool:
        return primitive.name in ("dot_general", "conv_general_dilated")

    function = jax.checkpoint(loss, policy=products) if again else loss
    return function, part(state.params, paths), (state.params, state.collections, example, state.key)


def residual_bytes(function: Any, trained: Tree, rest: Tree) -> float:
    """Bytes that the backward pass of `function(trained, rest)` by `trained` needs, beside what was given to it."""

    def backward(trained: Tree, rest: Tree) -> Any:
        return jax.vjp(lambda trained: function(trained, rest), trained)[1]

    jaxpr = jax.make_jaxpr(backward)(trained, rest).jaxpr
    given = {*jaxpr.invars, *jaxpr.constvars}
    kept = {out for out in jaxpr.outvars if not isinstance(out, core.Literal)} - given
    return float(sum(_size(out.aval) for out in kept))


def jaxpr_flops(jaxpr: Any) -> float:
    """Multiplications and additions of matrix products and convolutions.

    Loops count as often as they run, `while` once, of branches the costliest.
    """
    return sum(_equation_flops(equation) for equation in jaxpr.eqns)


def _equation_flops(equation: Any) -> float:
    name, params = equation.primitive.name, equation.params
    if name == "dot_general":
        (left, _), (_, _) = params["dimension_numbers"]
        shape = equation.invars[0].aval.shape
        return 2.0 * math.prod(equation.outvars[0].aval.shape) * math.prod(shape[axis] for axis in left)
    if name == "conv_general_dilated":
        kernel, numbers = equation.invars[1].aval.shape, params["dimension_numbers"].rhs_spec
        a_feature = math.prod(kernel) / kernel[numbers[0]]  # its window times its input features
        # A transposed convolution, which is what gradients are, multiplies with the zeros that it puts between too.
        zeros = math.prod(params["lhs_dilation"]) * params["batch_group_count"]
        return 2.0 * math.prod(equation.outvars[0].aval.shape) * a_feature / zeros
    inner = [jaxpr_flops(one) for one in _inner(params)]
    if not inner:
        return 0.0
    return max(inner) if name == "cond" else sum(inner) * (params["length"] if name == "scan" else 1)


def _inner(params: Mapping[str, Any]) -> Iterable[Any]:
    for value in params.values():
        for one in value if isinstance(value, tuple | list) else (value,):
            if isinstance(one, core.ClosedJaxpr):
                yield one.jaxpr
            elif isinstance(one, core.Jaxpr):
                yield one


def _sizes(trainer: Trainer) -> list[tuple[str, int]]:
    """The networks that are trained, and their numbers of parameters."""
    paths = dict.fromkeys(path for stage in trainer.groups for group in stage for path in group.paths if path)
    return [("/".join(path), _count(at(trainer.abstract_one.params, path))) for path in paths]


def _count(tree: Tree) -> int:
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(tree))


def _size(leaf: Any) -> int:
    return math.prod(leaf.shape) * leaf.dtype.itemsize


def _stored(tree: Tree, parts: int) -> float:
    """Bytes of a tree on one device, matrices in parts."""
    leaves = jax.tree.leaves(tree)
    return float(sum(_size(x) / (1 if split_axis(x.shape, parts) is None else parts) for x in leaves))


def _bytes(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if count < 1000 or unit == "TB":
            break
        count /= 1000
    return f"{count:.3g} {unit}"


def _fits(need: float, one: Accelerator) -> str:
    return "it fits" if need <= one.memory else f"it does not fit ({_bytes(need)})"
