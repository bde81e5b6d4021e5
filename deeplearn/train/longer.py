"""Whether a run may be continued to more steps: found out from its programs, not declared."""

from __future__ import annotations

import functools
from typing import Any

import jax
import numpy as np

from deeplearn.train.experiment import Stage
from deeplearn.train.state import begin
from deeplearn.train.step import turn_update
from deeplearn.train.trainer import Trainer


def hindrance(fewer: Trainer, more: Trainer) -> str:
    """Why the run of fewer steps is not the beginning of the one of more; empty where it is.

    It is the beginning where only the last stage becomes longer and every turn is the same program: a schedule of
    the learning rate that depends on the number of steps, or a loss that does, is a constant of that program.
    """
    before, after = fewer.experiment.stages, more.experiment.stages
    if [stage.steps for stage in before[:-1]] != [stage.steps for stage in after[:-1]]:
        return f"the stage {before[0].name} would have to take more steps too"
    if len(before) != len(after) or after[-1].steps < before[-1].steps:
        return "its stages are others"
    for index, (one, other) in enumerate(zip(before, after, strict=True)):
        if _outline(one) != _outline(other):
            return f"the turns of its stage {one.name} depend on the number of steps"
        for number, turn in enumerate(one.turns):
            if _program(fewer, index, number) != _program(more, index, number):
                return f"the learning rate or the loss of {turn.name} depends on the number of steps"
    return ""


def _outline(stage: Stage) -> list[Any]:
    """What the host does in a stage."""
    return [stage.batch_size, *((turn.name, turn.paths, turn.times, turn.every) for turn in stage.turns)]


def _program(trainer: Trainer, index: int, number: int) -> str:
    """The text of one turn's program with all of its constants."""
    experiment, config = trainer.experiment, trainer.config
    state = jax.eval_shape(functools.partial(begin, experiment.stages[index]), trainer.abstract_one)
    update = turn_update(
        experiment.model,
        experiment.stages[index],
        number,
        trainer.groups[index],
        start=experiment.starts()[index],
        precision=config.precision,
        accumulate=config.accumulate,
    )
    return jax.jit(update).lower(state, trainer.feed.examples[index], np.zeros(2, np.int32)).as_text()
