"""Loads a network with weights from a file of any kind, or weights into a part of a larger tree.

No package ships pretrained weights, and nothing here fetches any: every function takes a path.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import flax
import jax
import numpy as np

from deeplearn.errors import UserError, brief
from deeplearn.nn.recurrent import Recurrent
from deeplearn.runs import checkpoint
from deeplearn.weights import recurrent
from deeplearn.weights.convert import convert
from deeplearn.weights.files import Tensors, is_ours, read_tensors
from deeplearn.weights.members import abstract_variables, of_zoo
from deeplearn.weights.names import HEADS
from deeplearn.weights.saved import Config, placed, read_config
from deeplearn.weights.timm_config import of_file

Variables = dict[str, Any]
MOST_CALLS = 20  # of modules, for each tensor: blocks within blocks, and layers without weights


def load(path: Path, model: str = "") -> tuple[Variables, Config]:
    """Variables and network of a file: our own (`save`), or another library's for the network called `model`.

    `model` is a name of the zoo at paper size; the number of classes is the file's, and classes are named by
    number.
    """
    tensors = read_tensors(path)
    if is_ours(tensors):
        config = read_config(path)
        try:
            abstract = abstract_variables(config.network, _image(config), calls=MOST_CALLS * len(tensors))
        except Exception as error:  # arguments of the right names may still be of no network
            described = path.with_suffix(".json")
            raise UserError(f"{described} describes no network of {path}'s tensors ({brief(error)})") from None
        return placed(abstract, tensors, path), config
    found = of_zoo(tensors, model, path)
    variables = convert(found.net, found.variables, found.tensors, path)
    classes = tuple(f"class {number}" for number in range(found.net.classes))
    return variables, Config(found.net, classes, of_file(path, found.library, type(found.net).__name__, found.side))


def load_into(
    variables: Mapping[str, Any], path: Path, net: Any, at: str, of: str | None = None, replica: int = 0
) -> Variables:
    """`variables` of a larger network, with the part of the module `at` taken from a file or a run directory.

    variables: {"params": {at: …, …}, "batch_stats": {at: …}, …}; everything not under `at`, which may be a path as
    in "source/body", is kept. `net` is the module there; with classes=0 the last layer of the source is left out.
    path: a file of another library, one of ours, or a run directory; from that, the network called `of` (by default
    `at`; if empty, the whole model) of a replica is taken.
    """
    keys = at.split("/")
    part = {name: found for name, tree in variables.items() if (found := _subtree(tree, keys)) is not None}
    if "params" not in part:
        raise UserError(
            f"there is no network {at!r} to load {path} into: there are {', '.join(variables['params'])}"
        )
    if path.is_dir():
        name = at if of is None else of
        found = checkpoint.read(path, replica, lambda text: print(text, file=sys.stderr))
        tensors = _network_of_run(flax.traverse_util.flatten_dict(found.variables, sep="/"), name, path)
    else:
        tensors = read_tensors(path)
    if path.is_dir() or is_ours(tensors):
        head = HEADS.get(type(net)) if not getattr(net, "classes", 1) else None
        kept = {name: x for name, x in tensors.items() if name.split("/")[1] != head}
        loaded = placed(part, kept, path)
    else:
        loaded = (recurrent.convert if isinstance(net, Recurrent) else convert)(net, part, tensors, path)
    return {
        name: _replaced(tree, keys, loaded[name]) if name in loaded else tree for name, tree in variables.items()
    }


def _subtree(tree: Any, keys: Sequence[str]) -> Any:
    """The part of the nested mapping under the keys, None if there is none."""
    for key in keys:
        if not isinstance(tree, Mapping) or key not in tree:
            return None
        tree = tree[key]
    return tree


def _replaced(tree: Mapping[str, Any], keys: Sequence[str], part: Any) -> dict[str, Any]:
    first, *rest = keys
    return {**tree, first: _replaced(tree[first], rest, part) if rest else part}


def _network_of_run(tensors: Tensors, network: str, run: Path) -> Tensors:
    """Tensors of the network without its name, which may be a path: params/network/kernel is params/kernel."""
    if not network:
        return tensors
    found = {}
    for name, tensor in tensors.items():
        collection, rest = name.split("/", 1)
        if rest.startswith(f"{network}/"):
            found[f"{collection}/{rest.removeprefix(f'{network}/')}"] = tensor
    if not found:
        networks = sorted({name.split("/")[1] for name in tensors})
        raise UserError(f"the run {run} has no network {network!r}: it has {', '.join(networks)}")
    return found


@functools.partial(jax.jit, static_argnums=0)
def _probabilities(net: Any, variables: Variables, images: jax.Array) -> jax.Array:
    return jax.nn.softmax(net.apply(variables, images))


def _image(config: Config) -> tuple[int, int, int]:
    """The shape of the images that a network was made for."""
    return config.preprocessing.height, config.preprocessing.width, len(config.preprocessing.mean)


def sees(config: Config, shape: tuple[int, int, int]) -> bool:
    """Whether the network can be applied to images of another size [height, width, channels] with its weights."""
    try:
        return abstract_variables(config.network, shape) == abstract_variables(config.network, _image(config))
    except Exception:  # too small for its poolings and strides: layers fail in several ways
        return False


def probabilities(variables: Variables, config: Config, images: np.ndarray) -> np.ndarray:
    """Images [batch, height, width, channels], prepared -> probabilities [batch, classes]."""
    return np.asarray(_probabilities(config.network, variables, images))
