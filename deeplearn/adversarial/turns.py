"""The losses of any game between a generator and a discriminator.

A model that is trained by them has a network `discriminator`, a `Discriminator`, and two methods:

    real(batch) -> x               what the discriminator is shown of the data
    fake(batch, train=True) -> x   as many generated examples of the same shape

where x is an array [batch, ...], or a tuple of one and its conditions, such as labels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from deeplearn import train as dl
from deeplearn.adversarial.discriminator import packed
from deeplearn.losses.adversarial import GAMES, gradient_penalty, r1_penalty
from deeplearn.nn.functional import as_function

EVERYTHING = slice(None)


def shown(x: Any) -> tuple[jax.Array, ...]:
    """What is judged, and its conditions."""
    return x if isinstance(x, tuple) else (x,)


def judge(model: Any, x: tuple[jax.Array, ...]) -> jax.Array:
    """Logits of examples, while the discriminator trains or is played against."""
    return logits_of(model.discriminator(*x, train=True))


def logits_of(output: Any) -> jax.Array:
    """The first of a discriminator's heads, if it has several."""
    logits: jax.Array = output[0] if isinstance(output, tuple) else output
    return logits.astype(jnp.float32)


def discriminate(
    model: Any,
    batch: dl.Batch,
    game: str = "non_saturating",
    penalty: float = 0.0,
    r1: float = 0.0,
    weight: float = 1.0,
    made: slice = EVERYTHING,
) -> dl.Losses:
    """The discriminator's loss in a game of `GAMES`, with a gradient penalty's weight and R1's γ.

    weight: of the game's loss; pix2pix and CycleGAN halve it. made: of what is judged, the channels that are
    generated, by which a collapse is seen; others are conditions.
    """
    real, fake = shown(model.real(batch)), shown(model.fake(batch, train=True))
    on_real, on_fake = judge(model, real), judge(model, fake)
    loss = weight * GAMES[game].discriminator(on_real, on_fake)
    metrics = state_of_play(real[0][..., made], fake[0][..., made], on_real, on_fake)
    score = critic(model, real[1:])
    if penalty:
        first, second = (packed(x[0], model.discriminator.packing) for x in (real, fake))
        metrics["penalty"] = gradient_penalty(score, first, second, model.make_rng("noise"))
        loss = loss + penalty * metrics["penalty"]
    if r1:
        metrics["r1"] = r1_penalty(score, packed(real[0], model.discriminator.packing))
        loss = loss + r1 / 2 * metrics["r1"]
    model.discriminator.adapt(on_real)
    return loss, metrics


def flatten(model: Any, batch: dl.Batch, r1: float) -> dl.Losses:
    """R1 alone, for a turn of its own."""
    real, *conditions = shown(model.real(batch))
    slopes = r1_penalty(critic(model, conditions), packed(real, model.discriminator.packing))
    return r1 / 2 * slopes, {"r1": slopes}


def critic(model: Any, conditions: Any) -> Any:
    """The discriminator's logit as a function of packs alone; of several patches their sum."""
    judging = as_function(model.discriminator)

    def score(packs: jax.Array) -> jax.Array:
        logits = logits_of(judging(packs, *conditions, method="judge"))
        return logits.reshape(len(logits), -1).sum(-1)

    return score


def generate(model: Any, batch: dl.Batch, game: str = "non_saturating") -> dl.Losses:
    """The generator's loss in a game of `GAMES`."""
    return GAMES[game].generator(judge(model, shown(model.fake(batch, train=True)))), {}


def discriminate_each(model: Any, batch: dl.Batch, **options: Any) -> dl.Losses:
    """The sum of `discriminate` over the games of a model that plays several at once.

    `model.games()` is {name: game}, each with a `discriminator`, `real`, `fake` and `make_rng` as a model of one
    game has; the metrics of each begin with its name.
    """
    return _in_each(discriminate, model, batch, options)


def flatten_each(model: Any, batch: dl.Batch, **options: Any) -> dl.Losses:
    """`flatten` in the same way."""
    return _in_each(flatten, model, batch, options)


def _in_each(loss: Callable[..., dl.Losses], model: Any, batch: dl.Batch, options: Mapping[str, Any]) -> dl.Losses:
    each = {name: loss(game, batch, **options) for name, game in model.games().items()}
    metrics = {f"{name}/{metric}": value for name, (_, own) in each.items() for metric, value in own.items()}
    total: Any = sum(value for value, _ in each.values())
    return total, metrics


def state_of_play(real: jax.Array, fake: jax.Array, on_real: jax.Array, on_fake: jax.Array) -> dict[str, jax.Array]:
    """Metrics of a game, by which `deeplearn.adversarial.watch` tells how it goes wrong.

    gap: E D(x) − E D(G(z)). won: the fraction of pairs of a real and a generated example in which the real one has
    the larger logit, ½ where the discriminator cannot tell. spread: the standard deviation of generated examples in
    a batch over that of real ones, each a mean over pixels; near 0 where all generated ones are the same.
    """

    def deviation(x: jax.Array) -> jax.Array:
        return jnp.std(x.astype(jnp.float32), axis=0).mean()

    pairs = on_real.reshape(len(on_real), -1).mean(1)[:, None] - on_fake.reshape(len(on_fake), -1).mean(1)
    return {
        "gap": on_real.mean() - on_fake.mean(),
        "won": ((pairs > 0) + (pairs == 0) / 2).mean(),
        "spread": deviation(fake) / (deviation(real) + 1e-8),
    }
