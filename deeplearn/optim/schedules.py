"""Learning rates over a run, by name."""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
import optax

from deeplearn.errors import UserError

SCHEDULES = (
    "constant",
    "cosine",
    "step",
    "warmup_cosine",
    "linear",
    "late_linear",
    "inverse_time",
    "inverse_power",
)


def warm_adam(rate: float, steps: int, warm_up: int = 100, b2: float = 0.999) -> optax.GradientTransformation:
    """Adam, its rate up along a line in `warm_up` updates, a tenth of all at most, and down to 0 along a cosine.

    Gradients are clipped at norm 1.
    """
    rates = optax.warmup_cosine_decay_schedule(0.0, rate, min(warm_up, steps // 10), steps)
    return optax.chain(optax.clip_by_global_norm(1.0), optax.adam(rates, b2=b2))


def schedule(name: str, rate: float, steps: int, drops: Sequence[float] = (0.5, 0.75)) -> optax.Schedule:
    """The learning rate as a function of the updates taken so far, of `steps` in all.

    With s = updates taken / steps:

    constant       rate
    cosine         rate · (1 + cos πs) / 2 (Loshchilov & Hutter 2017, equation 5, without restarts)
    step           rate, divided by 10 when s reaches each of `drops` (He et al. 2016: .5 and .75 on CIFAR-10)
    warmup_cosine  from rate / w up a line to rate in the first w updates, 5 % of all; then a cosine down to 0
    linear         rate · (1 − s)
    late_linear    rate, from the middle on down a line to 0 (Zhu et al. 2017, section 4)
    inverse_time   rate / (1 + 10 s), the 1/t of stochastic approximation (Robbins & Monro 1951)
    inverse_power  rate / (1 + 10 s)^¾ (Ganin & Lempitsky 2015, section 4)
    """
    if name == "constant":
        return optax.constant_schedule(rate)
    if name == "cosine":
        return optax.cosine_decay_schedule(rate, steps)
    if name == "step":
        # Not optax's: its boundaries are a dictionary, in which two drops of a short run may have the same key.
        boundaries = np.ceil(np.round(np.multiply(drops, steps), 6))
        return lambda count: rate * 0.1 ** jnp.sum(count >= boundaries)
    if name == "warmup_cosine":
        warmup = steps // 20
        return optax.warmup_cosine_decay_schedule(rate / max(warmup, 1), rate, warmup, steps)
    if name == "linear":
        return optax.linear_schedule(rate, 0.0, steps)
    if name == "late_linear":
        return optax.linear_schedule(rate, 0.0, steps - steps // 2, steps // 2)
    if name == "inverse_time":
        return lambda count: rate / (1 + 10 * count / steps)
    if name == "inverse_power":
        return lambda count: rate / (1 + 10 * count / steps) ** 0.75
    raise UserError(f"there is no schedule {name!r}: choose from {', '.join(SCHEDULES)}")
