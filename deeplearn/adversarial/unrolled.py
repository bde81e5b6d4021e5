"""A generator that looks ahead: it learns against the discriminator as it will be after some more steps."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from deeplearn import train as dl
from deeplearn.adversarial.discriminator import packed
from deeplearn.adversarial.turns import shown
from deeplearn.losses.adversarial import GAMES


def generate_unrolled(
    model: Any, batch: dl.Batch, steps: int, rate: float, game: str = "non_saturating"
) -> dl.Losses:
    """The generator's loss after `steps` of the discriminator's gradient descent (Metz et al. 2017, equations 4–6).

    The steps are of the discriminator's loss on this batch; the loss is differentiated through them, so that the
    generator learns how the discriminator will answer. They are not kept: its own turn trains the discriminator.
    rate: of a step, plain descent as in the equations. Without conditions and layers with statistics.
    """
    both = shown(model.real(batch)), shown(model.fake(batch, train=True))
    real, fake = (packed(model.discriminator.seen(x), model.discriminator.packing) for (x,) in both)
    model.discriminator.judge(real, train=True)  # while parameters are initialised, they are made here
    network, variables = model.discriminator.unbind()
    others = {name: tree for name, tree in variables.items() if name != "params"}

    def judge(params: Any, x: jax.Array) -> jax.Array:
        logits: jax.Array = network.apply({**others, "params": params}, x, method="judge").astype(jnp.float32)
        return logits

    def loss(params: Any) -> jax.Array:
        return GAMES[game].discriminator(judge(params, real), judge(params, fake))

    def descend(params: Any, _: None) -> tuple[Any, None]:
        return jax.tree.map(lambda p, g: p - rate * g, params, jax.grad(loss)(params)), None

    params, _ = jax.lax.scan(descend, variables["params"], length=steps)
    return GAMES[game].generator(judge(params, fake)), {}
