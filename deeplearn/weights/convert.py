"""Tensors of another library as variables of our networks: names, layouts, and a sentence if they do not fit."""

from __future__ import annotations

import dataclasses
import math
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import flax
import numpy as np

from deeplearn.data.labels import shown
from deeplearn.errors import UserError
from deeplearn.models.resnet import ResNet
from deeplearn.weights.files import Tensors
from deeplearn.weights.keras_numbers import keras_numbers
from deeplearn.weights.names import FLATTENED, HEADS, KERAS_FORMS, NAMINGS, STEMS, Naming, numbered_from_0
from deeplearn.weights.values import as_dtype

Shape = tuple[int, ...]
Layout = Callable[[np.ndarray], np.ndarray]
Key = tuple[str, ...]

DEEP = 6  # parts of a larger network within each other

_TORCH_ROLES = {"kernel": "weight", "scale": "weight", "bias": "bias", "mean": "running_mean", "var": "running_var"}
_KERAS_ROLES = {"kernel": "kernel", "scale": "gamma", "mean": "moving_mean", "var": "moving_variance"}


def convert(net: Any, variables: Mapping[str, Any], tensors: Tensors, source: Path) -> dict[str, Any]:
    """`variables` of `net`, {"params": …, "batch_stats": …}, arrays or their shapes, with the values in `tensors`.

    A network with classes=0 leaves the file's last layer out. UserError names what is missing, left over or of
    another shape, and says when weights of Keras are loaded into a network in torch's form, or the other way round.
    """
    flat = flax.traverse_util.flatten_dict(variables)
    naming, tensors = recognise(net, tensors, list(flat), source)
    places = fit(net, naming, variables, tensors, source)
    result = {
        path: np.ascontiguousarray(as_dtype(layout(tensors[name]), flat[path].dtype, name, source))
        for path, (name, layout) in places.items()
    }
    return flax.traverse_util.unflatten_dict(result)


def fit(
    net: Any, naming: Naming, variables: Mapping[str, Any], tensors: Tensors, source: Path
) -> dict[Key, tuple[str, Layout]]:
    """Where each variable comes from: the tensor's name, and the function that turns it to our layout.

    `variables` are arrays or shapes, `tensors` what `recognise` returned. UserError as for `convert`.
    """
    flat = flax.traverse_util.flatten_dict(dict(sorted(variables.items(), reverse=True)))  # params first
    _check_form(net, naming, source)
    kind = type(net).__name__
    wanted = {path: _foreign(net, naming, path) for path in flat}
    missing = [name for name in wanted.values() if name not in tensors]
    used = set(wanted.values())
    left = [name for name in tensors if name not in used and not _spare(net, naming, name, tensors)]
    if missing or left:
        parts = [f"{verb} {shown(names)}" for verb, names in (("lacks", missing), ("has", left)) if names]
        raise UserError(
            f"{source} ({naming.library}'s names) does not fit this {kind}: it {', and beyond it '.join(parts)}"
        )
    places = {}
    for path, leaf in flat.items():
        shape = tensors[wanted[path]].shape
        layouts = dict(_layouts(net, naming, path, tuple(leaf.shape)))
        if shape not in layouts:
            raise UserError(
                f"{wanted[path]} in {source} has the shape {list(shape)}, but this {kind} wants "
                f"{list(next(iter(layouts)))}: the width, the number of classes or the size of images differs"
            )
        places[path] = wanted[path], layouts[shape]
    return places


def note(text: str) -> None:
    print(f"note: {text}", file=sys.stderr, flush=True)


def recognise(
    net: Any, tensors: Tensors, paths: list[Key], source: Path, say: Callable[[str], None] = note
) -> tuple[Naming, Tensors]:
    """The library whose names match the most variables at `paths`, and the tensors by these names.

    In torch's files the network may be a part of another, as in Lightning's "model.conv1.weight": then its tensors
    are taken, without what their names begin with. Where several would do, `say` is called with a sentence.
    """
    if type(net) not in NAMINGS:
        raise UserError(f"other libraries' files cannot be loaded into a {type(net).__name__}")
    found = []
    for naming in NAMINGS[type(net)]:
        tidied = _tidy_keras(tensors) if naming.library == "Keras" else _tidy_torch(tensors)
        prefixes = prefixes_of(tidied, {_foreign(net, naming, path) for path in paths})
        found.append((max(prefixes.values(), default=0), naming, tidied, prefixes))
    most, naming, tidied, prefixes = max(found, key=lambda one: one[0])
    if not most:
        libraries = " or ".join(dict.fromkeys(naming.library for naming in NAMINGS[type(net)]))
        raise UserError(
            f"{source} holds no {type(net).__name__} as {libraries} writes it: "
            f"its tensors are {shown(list(tensors))}"
        )
    prefix, *others = [prefix for prefix, count in prefixes.items() if count == most]
    if others:
        say(f"{source} holds the network as {prefix}* and {others[0]}*: the first is read")
    inside = {name.removeprefix(prefix): value for name, value in tidied.items() if name.startswith(prefix)}
    return naming, inside


def prefixes_of(tensors: Tensors, wanted: set[str]) -> Counter[str]:
    """How many tensors have a wanted name behind each of the beginnings that names have: "", "model." …"""
    counts: Counter[str] = Counter()
    for name in tensors:
        parts = name.split(".")
        for cut in range(min(len(parts), DEEP)):
            if ".".join(parts[cut:]) in wanted:
                counts["".join(f"{part}." for part in parts[:cut])] += 1
    return counts


def plausible(net: Any, tensors: Tensors) -> bool:
    """Whether a file has the layers of such a network by the names of any library, found without building it."""
    layers = {name.rpartition(".")[0] for name in _tidy_torch(tensors)}
    inside = {".".join(layer.split(".")[cut:]) for layer in layers for cut in range(DEEP)}
    inside |= {name.rpartition("/")[0] for name in _tidy_keras(tensors)}
    ours = [layer for layer in keras_numbers(net) if layer != HEADS[type(net)]] or [STEMS[type(net)]]
    return any({naming.layer(net, layer) for layer in ours} <= inside for naming in NAMINGS[type(net)])


def head_classes(net: Any, naming: Naming, tensors: Tensors, source: Path) -> int:
    """The number of classes of the last layer in a file."""
    name = _foreign(net, naming, ("params", HEADS[type(net)], "bias"))
    if name not in tensors:
        raise UserError(f"{source} has no last layer ({name}): it can be loaded for its features, not to classify")
    return len(tensors[name])


def _tidy_torch(tensors: Tensors) -> Tensors:
    """Tensors without counters, and without the dot in torchvision's first DenseNets: denselayer1.norm.1."""
    kept = {name: value for name, value in tensors.items() if not name.endswith("num_batches_tracked")}
    return {re.sub(r"(denselayer\d+\.(?:norm|conv))\.(?=[12]\.)", r"\1", name): x for name, x in kept.items()}


def _tidy_keras(tensors: Tensors) -> Tensors:
    """conv1_conv for older files' conv1/conv; automatic numbers from 0."""
    parts = {name: name.rpartition("/") for name in tensors}
    ranks = numbered_from_0([layer for layer, _, _ in parts.values()])
    return {
        f"{ranks.get(layer, layer).replace('/', '_')}/{role}": tensors[name]
        for name, (layer, _, role) in parts.items()
    }


def _layer(path: Key) -> str:
    """("params", "layer1_0", "bn1", "BatchNorm_0", "scale") is of the layer layer1_0/bn1."""
    return "/".join(part for part in path[1:-1] if part != "BatchNorm_0")


def _foreign(net: Any, naming: Naming, path: Key) -> str:
    layer, role = naming.layer(net, _layer(path)), path[-1]
    if naming.library != "Keras":
        return f"{layer}.{_TORCH_ROLES[role]}"
    is_norm = "BatchNorm_0" in path
    return f"{layer}/{'beta' if is_norm and role == 'bias' else _KERAS_ROLES.get(role, role)}"


def _spare(net: Any, naming: Naming, name: str, tensors: Tensors) -> bool:
    if re.match(naming.spare, name):
        return True
    if net.classes:
        return False
    head = naming.layer(net, HEADS[type(net)])
    # In Keras a head of one's own may have any name, but is dense.
    layer, is_keras, _ = name.rpartition("/")
    return name.startswith((f"{head}.", f"{head}/")) or bool(
        is_keras and np.ndim(tensors.get(f"{layer}/kernel", 0)) == 2
    )


def _layouts(net: Any, naming: Naming, path: Key, ours: Shape) -> Iterator[tuple[Shape, Layout]]:
    """Shapes that a tensor may have in the file, each with a function to our layout, [h, w, in, out] or [in,
    out]."""
    keras = naming.library == "Keras"
    if len(ours) == 4:
        height, width, inputs, outputs = ours
        if not keras:
            yield (outputs, inputs, height, width), lambda x: x.transpose(2, 3, 1, 0)
            return
        yield ours, lambda x: x
        if inputs == 1:  # depthwise
            yield (height, width, outputs, 1), lambda x: x.transpose(0, 1, 3, 2)
    elif len(ours) == 2:
        inputs, outputs = ours
        if keras:
            yield ours, lambda x: x
            yield (1, 1, inputs, outputs), lambda x: x[0, 0]
            return
        layer, maps = FLATTENED.get(type(net), ("", None))
        channels = maps(net) if maps and layer == _layer(path) else inputs
        side = math.isqrt(inputs // channels)
        unflattened = (outputs, channels, side, side)
        yield (
            (outputs, inputs),
            lambda x: x.reshape(unflattened).transpose(2, 3, 1, 0).reshape(ours),
        )
        yield unflattened, lambda x: x.transpose(2, 3, 1, 0).reshape(ours)
    else:
        yield ours, lambda x: x


def _check_form(net: Any, naming: Naming, source: Path) -> None:
    """Shapes do not show ε, padding and the place of strides; the library does."""
    if naming.library != "Keras" and isinstance(net, ResNet) and net.bottleneck and not net.stride_in_3x3:
        raise UserError(
            f"{source} has the names of torchvision and timm, whose ResNets have their strides in the 3×3 "
            "convolutions (v1.5), but this network has them in the first 1×1, as the paper: choose it without _v1"
        )
    form = KERAS_FORMS.get(type(net))
    if form is None:
        return
    is_keras = _settings(net) == _settings(form(net))
    if is_keras != (naming.library == "Keras"):
        asked = "keras_form of it" if naming.library == "Keras" else "network without keras_form"
        raise UserError(
            f"{source} has {naming.library}'s weights, whose {type(net).__name__} differs in ε, padding or "
            f"strides: load them into the {asked}"
        )


def _settings(net: Any) -> dict[str, Any]:
    return {f.name: getattr(net, f.name) for f in dataclasses.fields(net) if f.name not in ("parent", "name")}
