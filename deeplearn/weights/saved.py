"""Our own files: safetensors, and beside them in JSON what network they are for and what it was trained on."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import flax
import numpy as np
from safetensors.numpy import save_file

from deeplearn.errors import UserError
from deeplearn.weights.names import NAMINGS
from deeplearn.weights.preprocessing import Preprocessing
from deeplearn.weights.values import as_dtype

NETWORKS = {kind.__name__: kind for kind in NAMINGS}


@dataclasses.dataclass(frozen=True)
class Config:
    """The network with its constructor's arguments, the names of its classes, and how its images are prepared."""

    network: Any
    classes: tuple[str, ...]
    preprocessing: Preprocessing


def save(path: Path, variables: Mapping[str, Any], config: Config) -> None:
    """Writes name.safetensors, with tensors named params/layer/kernel or batch_stats/layer/mean, and name.json."""
    kind = type(config.network).__name__
    if path.suffix != ".safetensors":
        raise UserError(f"weights are saved as safetensors: call the file {path.with_suffix('.safetensors')}")
    if kind not in NETWORKS:
        raise UserError(f"a {kind} cannot be saved with its configuration: there are {', '.join(NETWORKS)}")
    flat = flax.traverse_util.flatten_dict(dict(variables), sep="/")
    described = {
        "network": kind,
        "arguments": arguments(config.network),
        "classes": config.classes,
        "preprocessing": dataclasses.asdict(config.preprocessing),
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(
            {name: np.ascontiguousarray(value) for name, value in flat.items()}, path, {"format": "deeplearn"}
        )
        path.with_suffix(".json").write_text(json.dumps(described, indent=2) + "\n")
    except OSError as error:
        raise UserError(f"cannot write {path} ({error.strerror})") from error


def arguments(network: Any) -> dict[str, Any]:
    """A module's constructor arguments."""
    names = [field.name for field in dataclasses.fields(network) if field.name not in ("parent", "name")]
    return {name: getattr(network, name) for name in names}


def read_config(path: Path) -> Config:
    """The configuration beside a file that `save` wrote; UserError where it is missing or makes no sense."""
    file = path.with_suffix(".json")
    try:
        described = json.loads(file.read_text())
        network = NETWORKS[described["network"]](**_tuples(described["arguments"]))
        prepared = _tuples(described["preprocessing"])
        if "deviation" in prepared:  # the name of `std` in files of earlier versions
            prepared["std"] = prepared.pop("deviation")
        preprocessing, classes = Preprocessing(**prepared), tuple(map(str, described["classes"]))
        if network.classes and len(classes) != network.classes:
            raise ValueError(f"{len(classes)} names for {network.classes} classes")
        return Config(network, classes, preprocessing)
    except OSError as error:
        raise UserError(f"{path} needs the configuration {file} beside it ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{file} does not describe a network as `save` writes it ({repr(error)[:200]})") from None


def _tuples(value: Any) -> Any:
    """JSON's lists turned back into tuples."""
    if isinstance(value, list):
        return tuple(map(_tuples, value))
    return {key: _tuples(item) for key, item in value.items()} if isinstance(value, dict) else value


def placed(variables: Mapping[str, Any], tensors: Mapping[str, np.ndarray], source: Path) -> dict[str, Any]:
    """`variables` (arrays or shapes) with the values of tensors by our own names; UserError names what differs."""
    flat = flax.traverse_util.flatten_dict(dict(sorted(variables.items(), reverse=True)), sep="/")  # params first
    if missing := [name for name in flat if name not in tensors]:
        raise UserError(f"{source} lacks {missing[0]}: it is of another network")
    if left := [name for name in tensors if name not in flat]:
        raise UserError(f"{source} has {left[0]}, which this network does not have")
    for name, leaf in flat.items():
        if tensors[name].shape != tuple(leaf.shape):
            raise UserError(
                f"{name} in {source} has the shape {list(tensors[name].shape)}, "
                f"but this network wants {list(leaf.shape)}"
            )
    return flax.traverse_util.unflatten_dict(
        {name: as_dtype(tensors[name], leaf.dtype, name, source) for name, leaf in flat.items()}, sep="/"
    )
