"""The flags of an experiment whose optimiser is the user's choice."""

from __future__ import annotations

import dataclasses

import optax

from deeplearn.optim.optimizers import OPTIMIZERS, optimizer
from deeplearn.optim.schedules import SCHEDULES, schedule
from deeplearn.train.launch import Config, flag


@dataclasses.dataclass(frozen=True)
class OptimizerConfig(Config):
    """Derive an experiment's `Config` from this one, and give its stage `config.chain(config.steps)`."""

    optimizer: str = flag("adam", "rule by which weights are updated", choices=OPTIMIZERS)
    learning_rate: float = flag(1e-3, "learning rate at its highest", min=0)
    schedule: str = flag("constant", "how the learning rate changes over the run", choices=SCHEDULES)
    momentum: float = flag(0.9, "of momentum and nesterov; β1 of adam and adamw", min=0, max=0.9999)
    weight_decay: float = flag(0.01, "share of each kernel, times the rate, that adamw takes off", min=0)
    clip: float = flag(0.0, "global norm to which larger gradients are scaled down (0: never)", min=0)
    l1: float = flag(0.0, "penalty on Σ|w| of kernels; makes weights exactly zero", min=0)
    l2: float = flag(0.0, "penalty on Σw²/2 of kernels", min=0)

    def chain(self, steps: int) -> optax.GradientTransformation:
        """The optimiser asked for, its schedule stretched over `steps` updates."""
        return optimizer(
            self.optimizer,
            schedule(self.schedule, self.learning_rate, steps),
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            clip=self.clip,
            l1=self.l1,
            l2=self.l2,
        )
