"""The only place that trains: declare an `Experiment`, call `launch`. Experiments import it as `dl`."""

from deeplearn.mean import Mean
from deeplearn.measured import OURS, Measured, ours
from deeplearn.train.alarms import Alarm
from deeplearn.train.config import Config, flag, named
from deeplearn.train.experiment import Batch, Claim, Experiment, Losses, Metrics, Report, Rows, Stage, Turn
from deeplearn.train.fit import fit
from deeplearn.train.launch import launch
from deeplearn.train.optimizer_config import OptimizerConfig
from deeplearn.train.rivals import Rival, side_by_side
from deeplearn.train.trained import Trained

__all__ = [
    "OURS",
    "Alarm",
    "Batch",
    "Claim",
    "Config",
    "Experiment",
    "Losses",
    "Mean",
    "Measured",
    "Metrics",
    "OptimizerConfig",
    "Report",
    "Rival",
    "Rows",
    "Stage",
    "Trained",
    "Turn",
    "fit",
    "flag",
    "launch",
    "named",
    "ours",
    "side_by_side",
]
