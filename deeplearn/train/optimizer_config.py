"""The flags of an experiment whose optimiser is the user's choice."""

from __future__ import annotations

import dataclasses
from typing import Any

import optax

from deeplearn.optim.optimizers import OPTIMIZERS, optimizer
from deeplearn.optim.schedules import SCHEDULES, schedule
from deeplearn.train.config import Config, flag


@dataclasses.dataclass(frozen=True)
class OptimizerConfig(Config):
    """Derive an experiment's `Config` from this one, and give its stage `config.chain()`."""

    optimizer: str = flag("adam", "rule by which weights are updated", choices=OPTIMIZERS)
    learning_rate: float = flag(2e-3, "maximum learning rate", min=0)
    schedule: str = flag("cosine", "how the learning rate changes over the run", choices=SCHEDULES)
    momentum: float = flag(0.9, "of momentum and nesterov; β1 of adam and adamw", min=0, max=0.9999)
    weight_decay: float = flag(0.01, "fraction of each kernel, times the rate, that adamw subtracts", min=0)
    clip: float = flag(0.0, "global norm to which larger gradients are scaled down (0: never)", min=0)
    l1: float = flag(0.0, "penalty on Σ|w| of kernels; makes weights exactly zero", min=0)
    l2: float = flag(0.0, "penalty on Σw²/2 of kernels", min=0)

    def chain(self, updates: int | None = None, **changes: Any) -> optax.GradientTransformation:
        """The optimiser of these flags, its schedule over `updates` updates (of one turn; default: steps).

        changes: fields that differ for some networks, e.g. `config.chain(l2=config.l2_plain)`.
        """
        own = dataclasses.replace(self, **changes)
        return optimizer(
            own.optimizer,
            schedule(own.schedule, own.learning_rate, own.steps if updates is None else updates),
            momentum=own.momentum,
            weight_decay=own.weight_decay,
            clip=own.clip,
            l1=own.l1,
            l2=own.l2,
        )
