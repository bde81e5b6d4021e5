"""The run directory: which run it belongs to, which process works in it, and whether the run is finished."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax

from deeplearn.data import Dataset
from deeplearn.data.description import describe
from deeplearn.errors import UserError
from deeplearn.train.checkpoint_files import steps_in
from deeplearn.train.checkpoints import descriptions, read_json
from deeplearn.train.config import Config, fields
from deeplearn.train.logs import set_aside, write_atomically
from deeplearn.train.results import UNFINISHED, failed, is_results


class RunDirectory:
    """config.json, metrics.jsonl, results.json, figures/, samples/, checkpoints/ and events of one run.

    source: where the experiment is found again, from `deeplearn.train.launch.source`.
    content: what config.json says, without the data before they are claimed. fewer: the steps of the run so far,
    where it is to be continued to more; else None. recovered: config.json was gone or damaged, and a checkpoint
    said whose run this is.
    """

    def __init__(self, path: Path, experiment: str, config: Config, source: Mapping[str, str]) -> None:
        self.path = path
        self.checkpoints = path / "checkpoints"
        self.figures = path / "figures"
        self.samples = path / "samples"
        asked = json.loads(json.dumps(dataclasses.asdict(config)))
        self.content: dict[str, Any] = {"experiment": experiment, **source, "config": asked}
        self._free = {field.name for field in fields(type(config)) if field.metadata.get("identity") is False}
        self.fewer: int | None = None
        self.recovered = False
        self._lock: Any = None
        try:
            if path.exists() and not path.is_dir():
                raise UserError(f"--workdir={path} is a file: name a directory")
        except OSError as error:  # a name that is too long, a place that may not be seen
            raise UserError(f"cannot use --workdir={path} ({error.strerror}): choose another") from None
        self._saved = self._read()
        if self._saved is not None:
            self._check(self._saved)
        if self._nothing_saved:
            self._saved = None
        self._made = not path.exists()
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
        begun = (self._saved or {}).get("data")
        if begun is not None and begun["fingerprint"] != description["fingerprint"]:
            sizes = [
                "/".join(str(split["length"]) for split in one["splits"].values()) for one in (begun, description)
            ]
            raise UserError(
                f"the data of --dataset={dataset.name} have changed since the run in {self.path} began (then "
                f"{sizes[0]} examples, now {sizes[1]}): put them back, or start again with another --workdir"
            )
        self.content["data"] = description
        if jax.process_index() != 0:
            return
        results = self.path / "results.json"
        if self.fewer is not None and results.exists():
            results.replace(self.path / f"results-at-{self.fewer}.json")
        if self.recovered and file.exists():
            set_aside(file)
        if self._saved is None or self.recovered or self.fewer is not None:
            write_atomically(file, json.dumps(self.content, indent=2) + "\n")

    @property
    def _nothing_saved(self) -> bool:
        """A corrected command may then take the place of the one before."""
        return not steps_in(self.checkpoints) and not (self.path / "results.json").exists()

    @property
    def identity(self) -> dict[str, Any]:
        """What a checkpoint keeps of config.json, so that it is known whose it is."""
        data = {key: self.content["data"][key] for key in ("fingerprint", "splits")}
        return {**self.content, "data": data}

    def _read(self) -> dict[str, Any] | None:
        """What config.json says, or where it is gone or damaged the newest checkpoint; None in a new directory."""
        file = self.path / "config.json"
        if _describes_a_run(file):
            return dict(read_json(file))
        checkpoints = self.path / "checkpoints"
        if not steps_in(checkpoints):
            if file.exists():
                read_json(file)
                raise UserError(f"{file} is not a run's: use another --workdir")
            return None
        known = [one["run"] for one in descriptions(checkpoints).values() if one.get("run")]
        if not known:
            raise UserError(
                f"{file} is gone or damaged, and the checkpoints there do not say whose they are: restore it, or "
                "use another --workdir"
            )
        _say(f"{file} is gone or damaged: it is written again, as the newest checkpoint says")
        self.recovered = True
        return dict(known[-1])

    def stranger(self, saved: Mapping[str, Any]) -> str:
        """How the run of a checkpoint differs from this one; empty where it does not."""
        if not saved:  # an older version did not say
            return ""
        changed = {name: pair for name, pair in self._changes(saved).items() if name != "steps"}
        return ", ".join(f"{name}={then}, not {now}" for name, (then, now) in changed.items())

    def _changes(self, saved: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
        """{name: (saved, asked for)} of what must not change: the experiment and the flags of its identity."""
        then, now = ({"experiment": one["experiment"], **one["config"]} for one in (saved, self.content))
        names = [name for name in dict.fromkeys([*now, *then]) if name not in self._free]
        return {name: (then.get(name), now.get(name)) for name in names if then.get(name) != now.get(name)}

    def _check(self, saved: Mapping[str, Any]) -> None:
        """A run continues only as itself: same experiment, same flags except for those that change no number."""
        path, changes = self.path, self._changes(saved)
        if "experiment" in changes:
            then, now = changes["experiment"]
            raise UserError(f"--workdir={path} holds a run of {then}, not of {now}: use another --workdir")
        program, mine = saved.get("file"), self.content.get("file")
        if program and mine and program != mine and Path(program).exists():
            raise UserError(f"--workdir={path} holds a run of {program}, not of {mine}: use another --workdir")
        if self._nothing_saved:
            return
        then, now = changes.get("steps", (None, None))
        if set(changes) == {"steps"} and isinstance(then, int) and then < now:
            self.fewer = then
        elif changes:
            listed = ", ".join(f"{name}={then} (now {now})" for name, (then, now) in changes.items())
            raise UserError(
                f"--workdir={path} holds a run with {listed}: repeat its flags, or use another --workdir"
            )

    @property
    def finished(self) -> dict[str, Any] | None:
        """The results of a finished run; None while it goes on, or where something is to be measured again.

        That is an evaluation that failed, and damaged results. Both need a checkpoint: without one they stay.
        """
        file = self.path / "results.json"
        if self.fewer is not None or not file.exists():
            return None
        can_measure = bool(steps_in(self.checkpoints))
        try:
            results = read_json(file)
        except UserError:
            results = None
        if not is_results(results):
            if not can_measure:
                raise UserError(
                    f"{file} is damaged, and there is no checkpoint to measure again: restore one of them, or use "
                    "another --workdir"
                )
            if jax.process_index() == 0:
                set_aside(file)
            _say(f"{file} is damaged and was renamed: the run is measured again from its last checkpoint")
            return None
        if UNFINISHED in results:
            return None
        return None if failed(results) and can_measure else dict(results)

    def write_results(self, results: dict[str, Any]) -> None:
        write_atomically(self.path / "results.json", json.dumps(results, indent=2) + "\n")

    def close(self) -> None:
        """Gives the directory free; a mistake before it was claimed leaves nothing behind."""
        if self._lock:
            if self._made and not (self.path / "config.json").exists():
                with contextlib.suppress(OSError):
                    (self.path / ".lock").unlink()
                    self.path.rmdir()
            self._lock.close()


def _describes_a_run(file: Path) -> bool:
    try:
        saved = read_json(file)
    except UserError:
        return False
    if not isinstance(saved, dict) or not isinstance(saved.get("config"), dict) or "experiment" not in saved:
        return False
    data = saved.get("data")  # a run of an older version has not described its data
    return data is None or (isinstance(data, dict) and {"fingerprint", "splits"} <= set(data))


def _say(text: str) -> None:
    if jax.process_index() == 0:
        print(text, file=sys.stderr, flush=True)
