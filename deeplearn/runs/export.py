"""A run's weights as safetensors, and its networks as programs that need neither this library nor its data."""

from __future__ import annotations

import dataclasses
import inspect
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flax
import flax.linen as nn
import jax
import jax.export
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import save_file

from deeplearn.errors import UserError, brief, reason
from deeplearn.runs.run import Run
from deeplearn.train.trained import Trained

PLATFORMS = ("cpu", "cuda", "rocm", "tpu")
INPUTS = ("image", "features", "point", "tokens")  # columns that can be the input of a network

log = logging.getLogger(__name__)


def facts(run: Run) -> dict[str, str]:
    """The metadata of weights, each as JSON: experiment, config, step, replica, dataset, classes, levels, spec."""
    spec = {key: [list(one.shape), str(one.dtype)] for key, one in run.described.train.spec.items()}
    found = {
        "experiment": run.name,
        "config": dataclasses.asdict(run.config),
        "step": run.step,
        "replica": run.replica,
        "dataset": run.described.name,
        "classes": run.classes,
        "levels": run.levels,
        "spec": spec,
    }
    return {name: json.dumps(value) for name, value in found.items()}


def save_weights(run: Run, file: Path) -> int:
    """Writes all variables, named params/network/layer/kernel or batch_stats/…; returns their number.

    The file's metadata are `facts`. `deeplearn.weights.load_into` reads it, and any reader of safetensors.
    """
    flat = flax.traverse_util.flatten_dict(dict(run.weights), sep="/")
    arrays = {name: np.ascontiguousarray(value) for name, value in flat.items()}
    writing(file, lambda: save_file(arrays, file, {"format": "deeplearn", **facts(run)}))
    return len(arrays)


def save_program(run: Run, file: Path, network: str = "") -> str:
    """Writes a network in evaluation mode with its weights, serialised by `jax.export`; returns its shapes in
    words.

    It takes a column of the data that the run was trained on, such as images [batch, height, width, channels] in
    [0, 1], at any batch size, on CPU, CUDA, ROCm and TPU:

        jax.export.deserialize(bytearray(Path(file).read_bytes())).call(images)

    network: empty, the model's own `__call__`; else one of `exportable`. `facts` are written beside it, as
    file.json. UserError where there is no such function of a batch.
    """
    column = _input(run)
    function = _found(run, network, column)
    if function is None:
        others = sorted(exportable(run))
        raise UserError(
            f"the model of {run.directory} has no {network or '__call__'} that maps a batch of {column}s alone: "
            + (f"--network may be {', '.join(others)}" if others else "nothing of it can be exported")
        )
    exported = _exported(function, run.described.train.spec[column])
    try:
        contents = exported.serialize()
    except ImportError:
        raise UserError(
            "to write an exported program JAX needs the package flatbuffers: pip install flatbuffers"
        ) from None
    writing(file, lambda: file.write_bytes(contents))
    about = json.dumps({name: json.loads(text) for name, text in facts(run).items()}, indent=2)
    writing(file, lambda: file.with_name(file.name + ".json").write_text(about + "\n"))
    outputs = ", ".join(str(one) for one in exported.out_avals)
    return f"{exported.in_avals[0]} → {outputs}"


def exportable(run: Run) -> dict[str, Callable[[jax.Array], Any]]:
    """{name: function of a batch} of the systems, networks and methods of the model that take only a batch."""
    column = _input(run)
    names = [*run.trained.rivals, *run.weights.get("params", {}), *_methods(run.model)]
    for rival in run.trained.rivals:
        own = run.trained[rival]
        names += [f"{rival}/{name}" for name in (*own.variables.get("params", {}), *_methods(own.model))]
    found = {name: _found(run, name, column) for name in dict.fromkeys(names)}
    return {name: function for name, function in found.items() if function is not None}


def _methods(model: nn.Module) -> list[str]:
    fields = {field.name for field in dataclasses.fields(model)}
    own = {
        name
        for kind in type(model).__mro__
        if issubclass(kind, nn.Module) and kind is not nn.Module
        for name in vars(kind)
    }
    return sorted(
        name
        for name in own - fields - set(dir(nn.Module))
        if name[0] != "_" and inspect.isfunction(inspect.getattr_static(model, name))
    )


def _input(run: Run) -> str:
    spec = run.described.train.spec
    column = next((name for name in INPUTS if name in spec), None)
    if column is None:
        raise UserError(
            f"{run.directory} was trained on {', '.join(spec)}: there is no column to export a network for"
        )
    return column


def _found(run: Run, network: str, column: str) -> Callable[[jax.Array], Any] | None:
    """A function of only a batch that can be traced at two batch sizes, or None."""
    trained, name = run.trained, network
    first, _, rest = network.partition("/")
    if first in trained.rivals:
        trained, name = trained[first], rest
    function = _function(trained, name)
    if function is None:
        return None
    for shaped in (function, lambda x: function(x.reshape(x.shape[0], -1))):  # many networks take flat images
        try:
            for batch in (1, 3):
                one = run.described.train.spec[column]
                outputs = jax.eval_shape(shaped, jax.ShapeDtypeStruct((batch, *one.shape), one.dtype))
                leaves = jax.tree.leaves(outputs)
                if not leaves or any(leaf.shape[:1] != (batch,) for leaf in leaves):
                    raise TypeError("it does not map rows to rows")
        except Exception as error:  # what a function raises that needs other arguments
            log.debug("%s cannot be exported: %s", network or "__call__", error)
            continue
        return shaped
    return None


def _function(trained: Trained, name: str) -> Callable[[jax.Array], Any] | None:
    """The model's `__call__`, its method or its network of that name, of one array; None where there is none."""
    kind = type(trained.model)
    if not name:
        # Not hasattr: every class can be called, to create an instance.
        method: Any = inspect.getattr_static(trained.model, "__call__", None)
        if method is None:
            return None
    elif name in _methods(trained.model):
        method = getattr(kind, name)
    elif name in trained.variables.get("params", {}):

        def method(model: Any, x: jax.Array) -> Any:
            return getattr(model, name)(x)

    else:
        return None

    def function(x: jax.Array) -> Any:
        return trained.model.apply(trained.variables, x, method=method, rngs={"params": trained.key})

    return function


def _exported(function: Callable[[jax.Array], Any], one: jax.ShapeDtypeStruct) -> jax.export.Exported:
    def by_row(x: jax.Array) -> Any:
        return jax.vmap(lambda row: jax.tree.map(lambda out: out[0], function(row[None])))(x)

    (batch,) = jax.export.symbolic_shape("batch")
    argument = jax.ShapeDtypeStruct((batch, *one.shape), one.dtype)
    # Code that calls len(x) cannot have a symbolic batch; row by row its batch is 1.
    for shaped in (function, by_row):
        try:
            return jax.export.export(jax.jit(shaped), platforms=PLATFORMS)(argument)
        except Exception as error:
            reason = error
    raise UserError(f"the network cannot be exported for batches of any size ({brief(reason)})")


def writing(file: Path, write: Callable[[], object], flag: str = "file") -> None:
    """Calls `write`; a UserError names the file, and the flag, where it cannot be written."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write()
    except (OSError, SafetensorError) as error:
        raise UserError(f"cannot write --{flag}={file} ({reason(error)})") from None
