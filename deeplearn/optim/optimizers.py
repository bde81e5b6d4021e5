"""Optimisers by name, with torch's conventions and default constants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from deeplearn.errors import UserError
from deeplearn.optim.penalties import kernels, proximal_l1

Tree = Any

OPTIMIZERS = ("sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw", "adagrad")
RMSPROP_DECAY, ADAM_DECAY, EPSILON = 0.99, 0.999, 1e-8


def optimizer(
    name: str,
    rate: float | optax.Schedule,
    *,
    momentum: float = 0.9,
    weight_decay: float = 0.01,
    clip: float = 0.0,
    l1: float | jax.Array = 0.0,
    l2: float | jax.Array = 0.0,
) -> optax.GradientTransformation:
    """An optax chain; with the same constants its updates are those of torch.optim. g is the gradient.

    sgd       w ← w − rate · g
    momentum  v ← momentum · v + g;  w ← w − rate · v. The gradient is not scaled by 1 − momentum (Sutskever et al.
              2013 put the rate inside v, which differs when it changes)
    nesterov  v as above;  w ← w − rate · (g + momentum · v) (Sutskever et al. 2013, in the form of Bengio et al.)
    rmsprop   s ← .99 s + .01 g², from 0;  w ← w − rate · g / (√s + 1e-8) (Tieleman & Hinton 2012; epsilon outside
              the root, optax's own default is inside)
    adam      β1 = momentum, β2 = .999, both moments corrected for starting at 0, epsilon 1e-8 outside the root
              (Kingma & Ba 2015, algorithm 1)
    adamw     adam, and in addition w ← w − rate · weight_decay · w (Loshchilov & Hutter 2019, with the decay scaled
              by the whole rate as in torch)
    adagrad   s ← s + g², from 0 (optax's default is .1);  w ← w − rate · g / √s, no step where s is 0 (Duchi et al.
              2011; torch adds 1e-10 to the root)

    momentum: of momentum and nesterov, and β1 of adam and adamw; the others have none. weight_decay: of adamw.
    clip: limit of the global norm of the loss's gradient, which is scaled down to it; 0 is no limit.
    l2: adds l2 · w to the clipped gradient, the gradient of l2/2 · Σw². l1: minimises the loss plus l1 · Σ|w| by
    a proximal step after each update, which makes weights exactly zero (see `proximal_l1`); it works with every one
    of these optimisers. Both may be traced, one for each member of a population. Decay and penalties apply to
    kernels only.

    The chain counts its own updates: a turn that is taken five times a step advances its schedule by five.
    """
    if name not in OPTIMIZERS:
        raise UserError(f"there is no optimizer {name!r}: choose from {', '.join(OPTIMIZERS)}")
    parts = []
    if clip:
        parts.append(optax.clip_by_global_norm(clip))
    if _given(l2):
        parts.append(optax.add_decayed_weights(l2, kernels))
    parts.append(_direction(name, momentum))
    if name == "adamw":
        parts.append(optax.add_decayed_weights(weight_decay, kernels))
    chain = optax.chain(*parts, optax.scale_by_learning_rate(rate))
    if not _given(l1):
        return chain
    return proximal_l1(chain, rate if callable(rate) else optax.constant_schedule(rate), l1, _reach(name, momentum))


def _given(penalty: float | jax.Array) -> bool:
    """Whether there is a penalty; a traced one counts as one."""
    return isinstance(penalty, jax.Array) or bool(penalty)


def _direction(name: str, momentum: float) -> optax.GradientTransformation:
    if name == "sgd":
        return optax.identity()
    if name in ("momentum", "nesterov"):
        return optax.trace(momentum, nesterov=name == "nesterov")
    if name == "rmsprop":
        return optax.scale_by_rms(RMSPROP_DECAY, EPSILON, eps_in_sqrt=False)
    if name == "adagrad":
        return optax.scale_by_rss(initial_accumulator_value=0.0, eps=0.0)
    return optax.scale_by_adam(momentum, ADAM_DECAY, EPSILON)


def _reach(name: str, momentum: float) -> Callable[[optax.OptState, jax.Array, Tree], Tree]:
    """How far each weight moves, in units of rate · g, for a constant gradient g: see `proximal_l1`."""

    def reach(state: optax.OptState, count: jax.Array, params: Tree) -> Tree:
        if name == "sgd":
            return jax.tree.map(jnp.ones_like, params)
        if name in ("momentum", "nesterov"):  # v converges to g / (1 − momentum)
            return jax.tree.map(lambda w: jnp.full_like(w, 1 / (1 - momentum)), params)
        moment = optax.tree.get(state, "sum_of_squares" if name == "adagrad" else "nu")
        correction = 1 - ADAM_DECAY**count if name in ("adam", "adamw") else 1.0
        return jax.tree.map(lambda s: 1 / (jnp.sqrt(s / correction) + EPSILON), moment)

    return reach
