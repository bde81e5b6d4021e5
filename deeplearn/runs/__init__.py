"""Opens a finished or running run: its model, weights, configuration, results and data.

    run = deeplearn.runs.open("runs/foundations.mlp")
    logits = run.trained(MLP.__call__, images)
    run.classes, run.step, run.config, run.results

Commands: `python -m deeplearn.runs sample|images|interpolate|ask|translate|compare|export --help`.
"""

from deeplearn.runs.run import Run
from deeplearn.runs.run import open_run as open

__all__ = ["Run", "open"]
