"""The only place that trains: declare an `Experiment`, call `launch`."""

from deeplearn.train.experiment import Batch, Experiment, Metrics, Stage, Turn
from deeplearn.train.fit import fit
from deeplearn.train.launch import Config, flag, launch
from deeplearn.train.rivals import Rivals, rival_turns
from deeplearn.train.trained import Trained

__all__ = [
    "Batch",
    "Config",
    "Experiment",
    "Metrics",
    "Rivals",
    "Stage",
    "Trained",
    "Turn",
    "fit",
    "flag",
    "launch",
    "rival_turns",
]
