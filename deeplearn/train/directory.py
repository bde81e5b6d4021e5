"""The run directory: which run it belongs to, which process works in it, and whether the run is finished."""

from __future__ import annotations

import dataclasses
import fcntl
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax

from deeplearn.data import Dataset
from deeplearn.data.description import describe
from deeplearn.errors import UserError
from deeplearn.train.checkpoints import read_json
from deeplearn.train.config import Config, fields
from deeplearn.train.logs import write_atomically


class RunDirectory:
    """config.json, metrics.jsonl, results.json, figures/, samples/, checkpoints/ and events of one run.

    source: where the experiment is found again, from `deeplearn.train.launch.source`.
    """

    def __init__(self, path: Path, experiment: str, config: Config, source: Mapping[str, str]) -> None:
        self.path = path
        self.checkpoints = path / "checkpoints"
        self.figures = path / "figures"
        self.samples = path / "samples"
        self._content = {"experiment": experiment, **source, "config": dataclasses.asdict(config)}
        self._lock: Any = None
        if path.exists() and not path.is_dir():
            raise UserError(f"--workdir={path} is a file: name a directory")
        if (path / "config.json").exists():
            self._check(read_json(path / "config.json"), experiment, config)
        if jax.process_index() == 0:
            try:
                path.mkdir(parents=True, exist_ok=True)
                self._lock = (path / ".lock").open("w")
            except OSError as error:
                raise UserError(f"cannot write in --workdir={path} ({error.strerror}): choose another") from error
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise UserError(
                    f"another process is training in {path}: wait for it, or choose another --workdir"
                ) from None

    def claim(self, dataset: Dataset) -> None:
        """Writes config.json, after the experiment has been built: a mistake before that leaves the directory free.

        It describes the data for readers of the run. UserError if a resumed run would continue with other data
        than it began with: training examples may have become part of the test split.
        """
        file, description = self.path / "config.json", describe(dataset)
        begun = read_json(file).get("data") if file.exists() else None
        if begun is not None and begun["fingerprint"] != description["fingerprint"]:
            sizes = [
                "/".join(str(split["length"]) for split in one["splits"].values()) for one in (begun, description)
            ]
            raise UserError(
                f"the data of --dataset={dataset.name} have changed since the run in {self.path} began (then "
                f"{sizes[0]} examples, now {sizes[1]}): put them back, or start again with another --workdir"
            )
        if jax.process_index() == 0 and not file.exists():
            write_atomically(file, json.dumps({**self._content, "data": description}, indent=2) + "\n")

    def _check(self, saved: Any, experiment: str, config: Config) -> None:
        """A run continues only as itself: same experiment, same flags except for those that change no number."""
        path = self.path
        if not isinstance(saved, dict) or not {"experiment", "config"} <= set(saved):
            raise UserError(f"{path / 'config.json'} is not a run's: use another --workdir")
        if saved["experiment"] != experiment:
            raise UserError(
                f"--workdir={path} holds a run of {saved['experiment']}, not of {experiment}: use another --workdir"
            )
        program, mine = saved.get("file"), self._content.get("file")
        if program and mine and program != mine and Path(program).exists():
            raise UserError(f"--workdir={path} holds a run of {program}, not of {mine}: use another --workdir")
        asked = json.loads(json.dumps(dataclasses.asdict(config)))
        free = {field.name for field in fields(type(config)) if field.metadata.get("identity") is False}
        names = [name for name in [*asked, *saved["config"]] if name not in free]
        changed = [name for name in dict.fromkeys(names) if asked.get(name) != saved["config"].get(name)]
        if changed:
            changes = ", ".join(f"{name}={saved['config'].get(name)} (now {asked.get(name)})" for name in changed)
            raise UserError(
                f"--workdir={path} holds a run with {changes}: repeat its flags, or use another --workdir"
            )

    @property
    def results(self) -> dict[str, Any] | None:
        """What a finished run wrote; None before."""
        file = self.path / "results.json"
        return read_json(file) if file.exists() else None

    def write_results(self, results: dict[str, Any]) -> None:
        write_atomically(self.path / "results.json", json.dumps(results, indent=2) + "\n")

    def close(self) -> None:
        if self._lock:
            self._lock.close()
