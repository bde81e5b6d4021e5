"""Which network of the zoo a file of another library is for."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import flax
import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.errors import UserError
from deeplearn.models.zoo import ZOO, member
from deeplearn.weights.convert import fit, head_classes, note, plausible, recognise
from deeplearn.weights.files import Tensors
from deeplearn.weights.names import KERAS_FORMS


class Found(NamedTuple):
    """net: in the library's form, with as many classes as the file, or none. variables: their shapes.

    tensors: those of the network, by the library's names. side: pixels of its images.
    """

    net: Any
    variables: dict[str, Any]
    library: str
    tensors: Tensors
    side: int


def of_zoo(tensors: Tensors, model: str, path: Path, features: bool = False) -> Found:
    """The network called `model` as it is in a file, with features=True without its last layer.

    UserError where the file is for another one: the sentence says for which, or that there is none.
    """
    if not model:
        advice = _advice(tensors, path)
        raise UserError(f"{path} does not say what network it is for: name it, as in --model=resnet50 ({advice})")
    try:
        return _of(tensors, model, path, features)
    except UserError as error:
        if model in ZOO and _fits(tensors, model, path):
            raise  # the last layer is missing
        raise UserError(f"{error}; {_advice(tensors, path, model)}") from None


def _of(tensors: Tensors, model: str, path: Path, features: bool, say: Callable[[str], None] = note) -> Found:
    found = member(model)
    net, side = found.paper(1), found.image
    if hasattr(net, "auxiliary"):
        net = net.clone(auxiliary=False)  # only for training
    paths = list(flax.traverse_util.flatten_dict(abstract_variables(net, (side, side, 3))))
    naming, tensors = recognise(net, tensors, paths, path, say)
    net = net.clone(classes=0 if features else head_classes(net, naming, tensors, path))
    if naming.library == "Keras" and type(net) in KERAS_FORMS:
        net = KERAS_FORMS[type(net)](net)
    variables = abstract_variables(net, (side, side, 3))
    fit(net, naming, variables, tensors, path)
    return Found(net, variables, naming.library, tensors, side)


def _fits(tensors: Tensors, model: str, path: Path) -> bool:
    try:
        _of(tensors, model, path, features=True, say=lambda text: None)
    except UserError:
        return False
    return True


def _advice(tensors: Tensors, path: Path, tried: str = "") -> str:
    for name, one in ZOO.items():
        base = name.removesuffix("_v1")  # it has the same tensors
        if name == tried or (base != name and base in ZOO) or not plausible(one.paper(1), tensors):
            continue
        if _fits(tensors, name, path):
            return f"it fits {name}"
    return "no network of deeplearn.models.zoo fits it"


@functools.lru_cache(maxsize=len(ZOO))  # a second or more for the deep ones
def abstract_variables(net: Any, shape: tuple[int, int, int], calls: float = math.inf) -> dict[str, Any]:
    """Shapes of a network's variables for images [height, width, channels], without computing anything.

    ValueError where more than so many calls of modules are needed: what a file describes may have no end.
    """
    image, left = jax.ShapeDtypeStruct((1, *shape), jnp.float32), calls

    def counted(call: Any, args: Any, kwargs: Any, _: Any) -> Any:
        nonlocal left
        if (left := left - 1) < 0:
            raise ValueError(f"it has more than {calls:g} layers")
        return call(*args, **kwargs)

    with nn.intercept_methods(counted):
        variables: dict[str, Any] = dict(jax.eval_shape(net.init, jax.random.key(0), image))
    return variables
