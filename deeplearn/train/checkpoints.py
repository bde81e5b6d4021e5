"""Checkpoints that survive a kill, distinguish damage from change, and keep the latest two and the best."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint.checkpoint_managers import AnyPreservationPolicy, BestN, LatestN

from deeplearn.errors import UserError, brief
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
    better).
    """

    def __init__(self, directory: Path, best: str | None = None) -> None:
        self.directory = directory
        policies: list[Any] = [LatestN(2)]
        if best:
            sign, name = (-1.0, best[1:]) if best.startswith("-") else (1.0, best)
            policies.append(BestN(n=1, get_metric_fn=lambda metrics: sign * metrics.get(name, -np.inf)))
        with _in_one_sentence(f"cannot use {directory} for checkpoints"):
            self.manager = ocp.CheckpointManager(
                directory.absolute(),
                options=ocp.CheckpointManagerOptions(
                    preservation_policy=AnyPreservationPolicy(policies),
                    cleanup_tmp_directories=True,
                    step_prefix=None,
                ),
            )

    def save(
        self, step: int, state: Tree, metrics: Mapping[str, float], notes: Mapping[str, Any], wait: bool = False
    ) -> None:
        """Saves in the background, after waiting for an earlier save that has not finished."""
        if step in self.manager.all_steps():
            return
        meta = {
            "checksum": checksum(state),
            "specification": _specification(state),
            "notes": dict(notes),
        }
        problem = (
            f"cannot save the checkpoint of step {step} in {self.directory}; earlier ones are kept: "
            "make room there, and the same command resumes from the last of them"
        )
        with _in_one_sentence(problem):
            self.manager.save(
                step,
                args=ocp.args.Composite(state=ocp.args.StandardSave(state), meta=ocp.args.JsonSave(meta)),
                metrics=dict(metrics),
            )
            if wait:
                self.manager.wait_until_finished()

    def wait(self) -> None:
        with _in_one_sentence(f"cannot finish the last checkpoint in {self.directory}; earlier ones are kept"):
            self.manager.wait_until_finished()

    def steps(self) -> list[int]:
        return sorted(self.manager.all_steps())

    def restore(
        self, abstract: Callable[[int], Tree], warn: Callable[[str], None]
    ) -> tuple[int, Tree, dict[str, Any]] | None:
        """(step, state, notes) of the newest checkpoint that is whole; None when there is none at all.

        `abstract(step)` is the tree expected at that step, of ShapeDtypeStructs with their shardings. Damaged
        checkpoints are reported in a sentence and renamed, never deleted.
        """
        steps = self.steps()
        damaged: list[int] = []
        for step in reversed(steps):
            try:
                found = self._read(step, abstract(step))
            except _Changed as change:
                raise UserError(
                    f"the checkpoint {self.directory / str(step)} is whole but was made by another version of this "
                    f"experiment ({change}): use another --workdir"
                ) from None
            except Exception as error:
                warn(f"checkpoint {self.directory / str(step)} is damaged ({brief(error)})")
                damaged.append(step)
                continue
            for other in damaged:
                (self.directory / str(other)).rename(self.directory / f"damaged-{other}")
            if damaged:
                warn(f"resuming from the checkpoint of step {step}; the damaged ones were renamed to damaged-*")
                self.manager.reload()
            return step, *found
        if damaged:
            raise UserError(
                f"all checkpoints in {self.directory} are damaged: nothing was changed there; "
                "restore one from a backup or start again with another --workdir"
            )
        return None

    def _read(self, step: int, abstract: Tree) -> tuple[Tree, dict[str, Any]]:
        meta = self.manager.restore(step, args=ocp.args.Composite(meta=ocp.args.JsonRestore()))["meta"]
        if not isinstance(meta, dict) or not {"checksum", "specification", "notes"} <= set(meta):
            raise ValueError("its description is incomplete")
        expected = _specification(abstract)
        if meta["specification"] != expected:
            saved = meta["specification"]
            name = next(n for n in [*expected, *saved] if expected.get(n) != saved.get(n))
            raise _Changed(f"{name} is {saved.get(name, 'absent')} there and {expected.get(name, 'absent')} here")
        state = self.manager.restore(
            step, args=ocp.args.Composite(state=ocp.args.StandardRestore(abstract))
        )["state"]  # fmt: skip
        if checksum(state) != meta["checksum"]:
            raise ValueError("its arrays do not match their checksum")
        return state, meta["notes"]

    def close(self) -> None:
        self.manager.close()


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
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path} cannot be read as JSON ({brief(error)}): restore it, or use another --workdir"
        ) from error
