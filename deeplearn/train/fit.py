"""Training without a run directory, for what is trained on the way: the judge of a data set."""

from __future__ import annotations

from deeplearn.train.experiment import Experiment
from deeplearn.train.launch import Config
from deeplearn.train.logs import Progress
from deeplearn.train.parallel import make_layout
from deeplearn.train.trained import Trained
from deeplearn.train.trainer import Trainer


def fit(experiment: Experiment, config: Config, progress: str = "") -> Trained:
    """The first replica after all stages. Writes no file; `progress` begins the line that shows how far it is.

    UserError where a metric is not finite.
    """
    line = Progress(experiment.steps, experiment.watch)
    trainer = Trainer(experiment, config, make_layout("", "jit"), line.say)
    states = [trainer.layout.place(state) for state in trainer.initial()]
    step = 0
    while step < experiment.steps:
        states, metrics, step = trainer.advance(states, step)
        if step % config.log_every == 0 or step in trainer.ends:
            line.note(trainer.read(step, metrics)[1])
        line.update(step, f"{progress} {experiment.stages[experiment.stage_at(step - 1)].name}".strip())
        if step in trainer.ends and step < experiment.steps:
            states = trainer.enter(step, states)
    trainer.check(states)
    line.clear()
    return trainer.trained([trainer.layout.canonical(state) for state in states])[0]
