"""A table of a network's layers: each one's output shape, parameters, multiply-adds, receptive field and stride.

    python -m deeplearn.models.anatomy --model=alexnet
    python -m deeplearn.models.anatomy --model=resnet18 --small --image=32 --classes=10 --csv=resnet18.csv

From Python `anatomy(model, images)` makes the table of any Flax model. The model is only traced, not computed: a
ResNet-152 takes seconds.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.command import execute, parser
from deeplearn.errors import UserError
from deeplearn.models.layer_reader import Call, Reader, recorder
from deeplearn.models.layer_table import Anatomy
from deeplearn.models.reach import Reach, Span
from deeplearn.models.zoo import ZOO, member


def anatomy(model: nn.Module, *inputs: Any, **options: Any) -> Anatomy:
    """Traces `model(*inputs, **options)`.

    Args:
        inputs: arrays or their `jax.ShapeDtypeStruct`; receptive fields are in the first, [batch, positions …,
            features] or integers [batch, positions …].
        options: further keyword arguments of the model, such as train=True.

    Parameters are those that this call uses: auxiliary heads count in training only. A multiply-add is one product
    of a convolution or of a matrix product; biases, normalisation and pooling are not counted, as in the tables of
    papers. Where operations depend on the platform, those of an accelerator are counted. The body of a `while` loop
    counts once, a `cond` as its last branch. A unit normalised by statistics of the batch, in training, depends
    on all of the input, and so does what follows.
    """
    calls: list[Call] = []

    def run(*args: Any) -> Any:
        with nn.intercept_methods(recorder(calls)):
            # Without variables a module creates them where it uses them, so one trace gives all shapes.
            return model.apply({}, *args, **options, rngs={"params": jax.random.key(0)}, mutable=True)

    program, (_, variables) = jax.make_jaxpr(run, return_shape=True)(*inputs)
    image = jax.tree.leaves(inputs)[0]
    positions = range(1, image.ndim if jnp.issubdtype(image.dtype, jnp.integer) else image.ndim - 1)
    reaches: list[Reach] = [None] * len(program.jaxpr.invars)
    reaches[0] = tuple(Span(axis) for axis in positions)
    reader = Reader(calls, batch=image.shape[0])
    reader.read(program.jaxpr, reaches, owner=None, times=1)
    return reader.result(variables)


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
    for name, value, low in (("image", side, 1), ("channels", flags.channels, 1), ("classes", flags.classes, 0)):
        if value < low:
            raise UserError(f"--{name}={value} should be at least {low}")
    net = chosen.small(flags.classes) if flags.small else chosen.paper(flags.classes)
    image = jax.ShapeDtypeStruct((1, side, side, flags.channels), jnp.float32)
    try:
        table = anatomy(net, image, train=flags.train)
    except (AssertionError, TypeError, ValueError, ZeroDivisionError):
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
    execute(main, sys.argv[1:])
