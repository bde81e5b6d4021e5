"""Training without a run directory, for models that something else needs, such as a judge of samples."""

from __future__ import annotations

from deeplearn.train.config import Config
from deeplearn.train.experiment import Experiment
from deeplearn.train.logs import Progress
from deeplearn.train.parallel import Layout
from deeplearn.train.trained import Trained
from deeplearn.train.trainer import Trainer


def fit(experiment: Experiment, config: Config, what: str = "") -> Trained:
    """The first replica after all steps, with the turns and batches that a run of `experiment` would take.

    On one device, without checkpoints or files. The progress bar shows `what` ("the judge of glyphs") in place of
    the stage's name. UserError where a metric is not finite.
    """
    progress = Progress(experiment.steps)
    trainer = Trainer(experiment, config, Layout(), progress.say)
    states, step = trainer.initial(), 0
    while step < experiment.steps:
        pause = (step // config.log_every + 1) * config.log_every
        states, metrics, step = trainer.advance(states, step, pause)
        if step % config.log_every == 0:
            progress.note(trainer.read(step, metrics)[1])
        if step in trainer.ends and step < experiment.steps:
            states = trainer.enter(step, states)
        progress.update(step, what or experiment.stages[experiment.stage_at(step - 1)].name)
    trainer.check(states)
    progress.clear()
    return trainer.trained(states)[0]
