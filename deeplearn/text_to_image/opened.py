"""A finished run as one of several systems: opened, and not trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import optax

from deeplearn import train as dl
from deeplearn.data.later import Later
from deeplearn.runs import Run


def opened(run: Run, name: str) -> dl.Rival:
    """The run's model with its weights, averaged where the run has averages.

    A rival has a stage: of this one the only step changes nothing. Its batch is of the run's own data, whose
    pictures may be larger than those of the others.
    """
    turns = [turn for stage in run.experiment.stages for turn in stage.turns]

    def nothing_to_learn(model: Any, batch: dl.Batch) -> dl.Losses:
        if model.is_initializing():  # what its own losses call has parameters
            for turn in turns:
                turn.loss(model, batch)
        return jnp.zeros(()), {}

    def weights(_: Mapping[str, Any]) -> Mapping[str, Any]:
        return run.weights

    own = Later(lambda: run.dataset().train)
    turn = dl.Turn(nothing_to_learn, called=name)
    stage = dl.Stage([turn], optax.set_to_zero(), 1, f"{name}, opened", batch_size=2, start=weights, data=own)
    return dl.Rival(run.model, [stage])
