"""Checkpoints that survive a kill, distinguish damage from change, and keep the latest two and the best."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from jax.experimental import multihost_utils
from orbax.checkpoint.checkpoint_managers import PreservationPolicy

from deeplearn.errors import UserError, brief, foreign
from deeplearn.train.checkpoint_files import array_name, read_arrays, read_description, sealed, steps_in
from deeplearn.train.echoes import silence
from deeplearn.train.logs import set_aside
from deeplearn.train.state import checksum

Tree = Any


def _specification(tree: Tree) -> dict[str, str]:
    return {
        jax.tree_util.keystr(path): f"{leaf.dtype}{list(leaf.shape)}"
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    }


class Checkpoints:
    """The checkpoints of one run directory.

    Orbax writes each beside the others and renames it when it is whole, so a kill never leaves half of one under
    its final name. A flipped byte, which Orbax does not notice, is found by the checksums saved with the arrays.
    `best` names the metric by which the best checkpoint is kept, besides the latest two ("-nll" where less is
    better). run: whose checkpoints these are, kept in each: what config.json says.
    """

    def __init__(self, directory: Path, best: str | None = None, run: Mapping[str, Any] | None = None) -> None:
        self.directory, self.best, self.run = directory, best, dict(run or {})
        self.scores = {step: self._score(one.get("values", {})) for step, one in descriptions(directory).items()}
        silence()
        with _in_one_sentence(f"cannot use {directory} for checkpoints"):
            self.manager = ocp.CheckpointManager(
                directory.resolve(),
                options=ocp.CheckpointManagerOptions(
                    preservation_policy=_Kept(self.kept),
                    cleanup_tmp_directories=True,
                    step_prefix=None,
                ),
            )

    def _score(self, values: Mapping[str, float]) -> float:
        """What is better is higher; −∞ where it was not measured."""
        name = (self.best or "").removeprefix("-")
        score = values.get(name, math.nan) * (-1 if name != self.best else 1)
        return score if math.isfinite(score) else -math.inf

    def kept(self, steps: Sequence[int]) -> set[int]:
        """Those of the steps whose checkpoints are kept."""
        scores = {step: score for step in steps if (score := self.scores.get(step, -math.inf)) > -math.inf}
        best = [max(scores, key=lambda step: (scores[step], step))] if self.best and scores else []
        return {*sorted(steps)[-2:], *best}

    def save(
        self, step: int, state: Tree, metrics: Mapping[str, float], notes: Mapping[str, Any], wait: bool = False
    ) -> None:
        """Saves in the background, after waiting for an earlier save that has not finished."""
        if step in self.manager.all_steps():
            return
        description = sealed(
            {
                "step": step,
                "run": self.run,
                "checksum": checksum(state),
                "specification": _specification(state),
                "values": dict(metrics),
                "notes": dict(notes),
            }
        )
        problem = (
            f"cannot save the checkpoint of step {step} in {self.directory}; earlier ones are kept: "
            "make room there, and the same command resumes from the last of them"
        )
        self.scores[step] = self._score(metrics)
        with _in_one_sentence(problem):
            # Orbax waits five minutes for the threads of a save whose directory it could not make.
            (probe := self.directory / f".probe-{jax.process_index()}").mkdir(exist_ok=True)
            probe.rmdir()
            self.manager.save(
                step,
                args=ocp.args.Composite(state=ocp.args.StandardSave(state), meta=ocp.args.JsonSave(description)),
            )
            if wait:
                self.manager.wait_until_finished()

    def steps(self) -> list[int]:
        return sorted(self.manager.all_steps())

    def restore(
        self,
        abstract: Callable[[int], Tree],
        warn: Callable[[str], None],
        stranger: Callable[[Mapping[str, Any]], str] = lambda run: "",
    ) -> tuple[int, Tree, dict[str, Any]] | None:
        """(step, state, notes) of the newest checkpoint that is whole; None when there is none at all.

        `abstract(step)` is the tree expected at that step, of ShapeDtypeStructs with their shardings. Damaged
        checkpoints are reported in a sentence and renamed, never deleted; so are those of another run, of whose
        `run` `stranger` says what is different.
        """
        damaged: dict[int, str] = {}
        for step in reversed(self.steps()):
            try:
                found = self._read(step, abstract(step), stranger)
            except _Changed as change:
                raise UserError(
                    f"the checkpoint {self.directory / str(step)} is whole but was made by another version of this "
                    f"experiment ({change}): use another --workdir"
                ) from None
            except Exception as error:
                if foreign(error):  # of the machine: the checkpoint may be whole
                    raise
                damaged[step] = brief(error)
                continue
            if damaged:
                self._set_aside(list(damaged))
            for bad, reason in damaged.items():
                warn(
                    f"checkpoint {self.directory / str(bad)} is damaged ({reason}) and was renamed to damaged-*: "
                    f"resuming from the one of step {step}"
                )
            # A kill may have come between a save and the removal of what it replaces.
            for other in set(self.steps()) - self.kept(self.steps()):
                self.manager.delete(other)
            return step, *found
        if damaged:
            step, reason = next(iter(damaged.items()))
            raise UserError(
                f"all checkpoints in {self.directory} are damaged ({step}: {reason}): nothing was changed there; "
                "restore one from a backup or start again with another --workdir"
            )
        return None

    def _set_aside(self, steps: Sequence[int]) -> None:
        if jax.process_index() == 0:
            for step in steps:
                set_aside(self.directory / str(step))
        if jax.process_count() > 1:
            multihost_utils.sync_global_devices("checkpoints set aside")
        for step in steps:
            self.scores.pop(step, None)
        self.manager.reload()

    def _read(
        self, step: int, abstract: Tree, stranger: Callable[[Mapping[str, Any]], str]
    ) -> tuple[Tree, dict[str, Any]]:
        place = self.directory / str(step)
        description, state = _agreed(lambda: self._read_here(place, step, abstract, stranger))
        if checksum(state) != description["checksum"]:  # computed by all hosts together
            raise ValueError("its arrays do not match their checksum")
        return state, description["notes"]

    def _read_here(
        self, place: Path, step: int, abstract: Tree, stranger: Callable[[Mapping[str, Any]], str]
    ) -> tuple[dict[str, Any], Tree]:
        description = read_description(place, step)
        if difference := stranger(description.get("run", {})):
            raise ValueError(f"it is of another run: {difference}")
        expected, saved = _specification(abstract), description["specification"]
        if saved != expected:
            name = next(n for n in [*expected, *saved] if expected.get(n) != saved.get(n))
            raise _Changed(f"{name} is {saved.get(name, 'absent')} there and {expected.get(name, 'absent')} here")
        paths, leaves = zip(*jax.tree_util.tree_leaves_with_path(abstract), strict=True)
        names = [array_name(path) for path in paths]
        arrays = read_arrays(place, dict(zip(names, leaves, strict=True)))
        return description, jax.tree.unflatten(jax.tree.structure(abstract), [arrays[name] for name in names])

    def close(self) -> None:
        self.manager.close()


def descriptions(directory: Path) -> dict[int, dict[str, Any]]:
    """{step: description} of the checkpoints whose description can be read, the newest last."""
    found = {}
    for step in steps_in(directory):
        try:
            found[step] = read_description(directory / str(step), step)
        except (ValueError, OSError, RecursionError):
            continue  # `restore` says so, where it matters
    return found


class _Kept(PreservationPolicy):
    """What Orbax does not delete. Its own policies need metrics in files that it loses at every start."""

    def __init__(self, kept: Callable[[Sequence[int]], set[int]]) -> None:
        self.kept = kept

    def should_preserve(self, checkpoints: Sequence[Any], *, context: Any) -> Sequence[bool]:
        kept = self.kept([one.step for one in checkpoints])
        return [one.step in kept for one in checkpoints]


def _agreed(read: Callable[[], Any]) -> Any:
    """What `read` returns, if all processes could read: they go on together or look for another together."""
    if jax.process_count() == 1:
        return read()
    problem: Exception | None = None
    try:
        found = read()
    except Exception as error:
        problem = error
    good = multihost_utils.process_allgather(np.array(problem is None))
    if problem is not None:
        raise problem
    if not good.all():
        raise ValueError("another process could not read it")
    return found


class _Changed(Exception):
    """A whole checkpoint of a different tree."""


class _in_one_sentence:
    """Turns an error while writing into a UserError of one sentence."""

    def __init__(self, problem: str) -> None:
        self.problem = problem

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        # Orbax reports a full disk as OSError, ValueError or XlaRuntimeError, depending on where it occurs.
        if isinstance(error, Exception):
            logging.getLogger(__name__).debug("checkpointing failed", exc_info=error)
            raise UserError(f"{self.problem} ({brief(error)})") from error


def read_json(path: Path) -> Any:
    """A JSON file of the run directory; a UserError names it when it cannot be read."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(
            f"{path} cannot be read as JSON ({brief(error)}): restore it, or use another --workdir"
        ) from error
