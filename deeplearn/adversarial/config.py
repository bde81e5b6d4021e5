"""The flags of every game between a generator and a discriminator, and the stage that they describe."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial

import flax.linen as nn
import optax

from deeplearn import train as dl
from deeplearn.adversarial.discriminator import Discriminator
from deeplearn.adversarial.turns import discriminate, flatten, generate
from deeplearn.data.augmentation import AUGMENTATIONS
from deeplearn.errors import UserError
from deeplearn.losses.adversarial import GAMES
from deeplearn.optim.box import within
from deeplearn.optim.schedules import SCHEDULES, schedule

CHOICES = tuple(name for name in AUGMENTATIONS if name != "pca_colour")  # which needs the colours of the data


@dataclasses.dataclass(frozen=True)
class GameConfig(dl.Config):
    """Derive an adversarial experiment's `Config` from this one; a page sets the defaults of its paper."""

    game: str = dl.flag("non_saturating", "losses of both networks", choices=tuple(GAMES))
    optimizer: str = dl.flag("adam", "rule by which weights are updated", choices=("adam", "rmsprop"))
    learning_rate: float = dl.flag(2e-4, "the generator's rate", min=0)
    discriminator_rate: float = dl.flag(0.0, "the discriminator's rate (0: the generator's)", min=0)
    schedule: str = dl.flag("constant", "how the rates change over the run", choices=SCHEDULES)
    beta1: float = dl.flag(0.5, "adam's decay of the first moment", min=0, max=0.999)
    beta2: float = dl.flag(0.999, "decay of the second moment", min=0, max=0.9999)
    discriminator_turns: int = dl.flag(1, "the discriminator's turns to one of the generator", min=1)
    gradient_penalty: float = dl.flag(0.0, "weight of (‖∇D‖ − 1)² between real and generated examples", min=0)
    r1: float = dl.flag(0.0, "γ of the penalty γ/2 ‖∇D‖² at real examples", min=0)
    r1_every: int = dl.flag(1, "steps from one R1 penalty to the next, which then counts as often", min=1)
    clip: float = dl.flag(0.0, "largest weight of the discriminator (0: any)", min=0)
    spectral_norm: bool = dl.flag(False, "divide the discriminator's kernels by their largest singular values")
    packing: int = dl.flag(1, "examples that the discriminator judges together", min=1)
    minibatch_stddev: bool = dl.flag(False, "show the discriminator how much a group of examples differs")
    augmentation: str = dl.flag("", f"of all that the discriminator sees: {', '.join(CHOICES)}, joined by commas")
    augmentation_target: float = dl.flag(
        0.0, "adapt the augmentation's probability so that E sign D(x) is this (0: always augment)", min=0, max=0.99
    )
    instance_noise: float = dl.flag(
        0.0,
        "deviation of noise on all that the discriminator sees; falls to a hundredth in two thirds of the run",
        min=0,
    )
    ema: float = dl.flag(0.0, "decay of the averaged weights that samples are drawn with (0: none)", min=0, max=1)

    def discriminator(self, network: nn.Module) -> Discriminator:
        """The network behind the switches of these flags."""
        if self.augmentation_target and not self.augmentation:
            raise UserError("--augmentation_target adapts one: name it, such as --augmentation=translate")
        if unknown := {*filter(None, self.augmentation.split(","))} - {*CHOICES}:
            raise UserError(f"--augmentation={', '.join(sorted(unknown))}: choose from {', '.join(CHOICES)}")
        if self.batch_size % self.packing:
            raise UserError(f"--batch_size={self.batch_size} should be a multiple of --packing={self.packing}")
        return Discriminator(
            network,
            self.packing,
            self.spectral_norm,
            self.augmentation,
            self.augmentation_target,
            self.instance_noise,
            max(1, 2 * self.steps // 3) * self.discriminator_turns,
            self.accumulate,
        )

    def need_singles(self, why: str) -> None:
        """UserError where examples are judged in packs; `why` is a clause that says why they cannot be."""
        if self.packing > 1:
            raise UserError(f"--packing judges several examples at once, and {why}: use 1")

    def chain(self, rate: float, updates: int, lazy: int = 0) -> optax.GradientTransformation:
        """The optimiser of a network that is updated so often.

        lazy: other updates from one turn of a lazy penalty to the next, which shares the optimiser: rate and decays
        are those of as much gradient in fewer updates, c = lazy / (lazy + 1) (Karras et al. 2020, appendix B).
        """
        c = lazy / (lazy + 1) if lazy else 1.0
        rates = schedule(self.schedule, c * rate, updates)
        if self.optimizer == "rmsprop":
            return optax.rmsprop(rates, decay=self.beta2)
        return optax.adam(rates, b1=self.beta1**c, b2=self.beta2**c)

    def stage(
        self,
        generate: Callable[..., dl.Losses] = generate,
        discriminate: Callable[..., dl.Losses] = discriminate,
        flatten: Callable[..., dl.Losses] = flatten,
        generator: Sequence[str] = ("generator",),
        discriminator: Sequence[str] = ("discriminator",),
        more: int = 0,
    ) -> dl.Stage:
        """The discriminator's turns, its lazy penalty and the generator's turn.

        generate, discriminate, flatten: losses that take the keywords of those of `deeplearn.adversarial.turns`.
        generator, discriminator: names of the networks that each trains.
        more: further updates of each in a step, by turns that a page adds, which falling rates should count.
        """
        lazy = self.r1_every if self.r1 and self.r1_every > 1 else 0
        missed = lazy * self.discriminator_turns
        options = {"game": self.game, "penalty": self.gradient_penalty, "r1": 0.0 if lazy else self.r1}
        turns = [
            dl.Turn(partial(discriminate, **options), trains=tuple(discriminator), times=self.discriminator_turns)
        ]
        if lazy:
            turns.append(dl.Turn(partial(flatten, r1=self.r1 * missed), trains=tuple(discriminator), every=lazy))
        turns.append(dl.Turn(partial(generate, game=self.game), trains=tuple(generator)))
        updates = self.steps * (self.discriminator_turns + more) + (self.steps // lazy if lazy else 0)
        theirs = self.chain(self.discriminator_rate or self.learning_rate, updates, missed)
        theirs = optax.chain(theirs, within(self.clip)) if self.clip else theirs
        ours = self.chain(self.learning_rate, self.steps * (1 + more))
        chains = dict.fromkeys(generator, ours) | dict.fromkeys(discriminator, theirs)
        return dl.Stage(turns, chains, self.steps, ema=self.ema or None)
