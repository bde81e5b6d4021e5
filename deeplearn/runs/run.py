"""An opened run directory."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn import data
from deeplearn.data.description import stand_in
from deeplearn.errors import UserError
from deeplearn.runs import checkpoint, source
from deeplearn.train.checkpoints import descriptions, read_json
from deeplearn.train.experiment import Experiment
from deeplearn.train.trained import Trained
from deeplearn.train.trainer import EVALUATION


class Run:
    """A finished or running run, read-only. `deeplearn.runs.open` makes it.

    directory, replica. name: the experiment's. config: its `Config`, as the run was configured.
    step: of the checkpoint that was read. replicas: the number of seeds of the run.
    trained: the `Trained` of the replica, with the weights that evaluation uses:
        `run.trained(function, arrays)`, `run.trained["rival"]`.
    described: the data without their rows: name, classes, levels, spec and lengths of the splits; the data
        themselves where the run has no description of them, or its model cannot be built from one.
    experiment: what the experiment's `build` returns for `described`.
    """

    def __init__(self, directory: Path, replica: int, best: bool, data_dir: str | None) -> None:
        self.directory, self.replica = directory, replica
        self._saved = source.read_config(directory)
        self.name: str = self._saved["experiment"]
        self.config, build = source.experiment(self._saved, directory)
        self._data_dir = data_dir or self.config.data_dir or None
        self._dataset: data.Dataset | None = None
        checkpoint.steps(directory)  # a mistake is reported before anything is built
        self.described, self.experiment = self._built(build)
        prefer = self._best if best else max
        self.step, self.replicas, variables = checkpoint.read(directory, replica, _warn, prefer)
        key = jax.random.fold_in(jax.random.key(self.config.seed + replica), EVALUATION)
        weights = jax.tree.map(jnp.asarray, variables)
        self.trained = Trained(self.experiment.model, weights, key, self.config, self.experiment.rivals)

    def _built(self, build: Any) -> tuple[data.Dataset, Experiment]:
        if (description := self._saved.get("data")) is None:
            dataset = self.dataset()
            return dataset, build(self.config, dataset)
        described = stand_in(description)
        try:
            return described, build(self.config, described)
        except Exception as error:  # rows were needed, or a fact that is too large to be saved
            try:
                dataset = self.dataset()
            except UserError as gone:
                raise UserError(f"{gone}; without them its model cannot be built ({error})") from error
            return dataset, build(self.config, dataset)

    def _best(self, steps: Sequence[int]) -> int:
        """The one of these steps with the best validation."""
        if (best := self.experiment.best) is None:
            raise UserError(f"{self.name} has no metric by which a checkpoint is the best")
        sign, metric = (-1.0, best[1:]) if best.startswith("-") else (1.0, best)
        saved = descriptions(self.directory / "checkpoints")
        scores = {step: sign * one.get("values", {}).get(metric, math.nan) for step, one in saved.items()}
        known = [step for step in steps if math.isfinite(scores.get(step, math.nan))]
        if not known:
            raise UserError(f"{self.directory} has no checkpoint with a {metric} on validation: open the newest")
        return max(known, key=lambda step: (scores[step], step))

    @property
    def model(self) -> nn.Module:
        return self.experiment.model

    @property
    def weights(self) -> Mapping[str, Any]:
        """The variables of the replica, {"params": {network: …}, "batch_stats": …}: averages if there are any."""
        return self.trained.variables

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the labels, as they were when the run was trained."""
        return self.described.classes

    @property
    def levels(self) -> int | None:
        return self.described.levels

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels); UserError where the run was trained on something else."""
        return self.described.image_shape

    @property
    def results(self) -> dict[str, Any] | None:
        """What results.json holds; None while there is none."""
        file = self.directory / "results.json"
        return read_json(file) if file.exists() else None

    def dataset(self) -> data.Dataset:
        """The data that the run was trained on, loaded at the first call.

        UserError where they are gone. If they have changed since, a sentence on standard error says so.
        """
        if self._dataset is None:
            name = self.config.dataset
            try:
                self._dataset = data.load(name, self._data_dir)
            except UserError as error:
                reason = str(error).rstrip(".")
                raise UserError(
                    f"the data of {self.directory} (--dataset={name}) cannot be loaded ({reason}): "
                    "put them back where they were, or say by --data_dir where prepared sets are kept"
                ) from None
            kept = self._saved.get("data", {}).get("fingerprint")
            if kept is not None and kept != self._dataset.fingerprint():
                _warn(
                    f"warning: the data of --dataset={name} have changed since {self.directory} was trained on them"
                )
        return self._dataset

    def __repr__(self) -> str:
        return f"Run({self.name} on {self.described.name}, step {self.step}, {self.directory})"


def _warn(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def open_run(directory: str | Path, replica: int = 0, *, best: bool = False, data_dir: str | None = None) -> Run:
    """A run directory as a `Run`: its newest checkpoint, or with `best` the one that is best on validation.

    It only reads: on any number of devices, while the run trains, after its data are gone. A damaged checkpoint is
    reported on standard error, and the one before is read. data_dir: where prepared data are, if they were moved.
    UserError where there is no such run, no whole checkpoint, no such replica, or where its program is gone.
    """
    return Run(Path(directory).expanduser(), replica, best, data_dir)
