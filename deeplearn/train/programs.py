"""The compiled turns of each stage, or its compiled loop of steps."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from deeplearn.train.config import Config
from deeplearn.train.experiment import Experiment
from deeplearn.train.parallel import Layout
from deeplearn.train.readings import with_readings
from deeplearn.train.state import Group, State
from deeplearn.train.step import steps_in_loop, turn_update, vectorised
from deeplearn.train.trees import Path


@dataclasses.dataclass(frozen=True)
class Program:
    """A compiled turn, or a loop of them, whose argument is only the part of the state that it touches.

    With twenty rivals each turn would otherwise pass the other nineteen, with their optimisers, through its
    program.
    """

    compiled: Callable[..., tuple[State, Any]]
    paths: frozenset[Path]
    groups: frozenset[str]
    whole: bool  # it touches everything: nothing is split

    def __call__(self, state: State, batch: Any, clock: np.ndarray) -> tuple[State, Any]:
        if self.whole:
            return self.compiled(state, batch, clock)
        part, metrics = self.compiled(state.part(self.paths, self.groups), batch, clock)
        return state.joined(part), metrics


class Programs:
    """Compiled when a stage takes its first step; `say` is called with a line before.

    groups: of each stage. touched: of each stage, for each turn, the paths that it reads or writes. looped: steps
    run in one compiled loop, replicas vectorised.
    """

    def __init__(
        self,
        experiment: Experiment,
        config: Config,
        layout: Layout,
        groups: Sequence[Sequence[Group]],
        touched: Sequence[Sequence[frozenset[Path]]],
        looped: bool,
        say: Callable[[str], None],
    ) -> None:
        self.experiment, self.config, self.layout, self.say = experiment, config, layout, say
        self.groups, self.touched, self.looped = groups, touched, looped
        # The axis of the examples: after the axes of a loop's steps and of vectorised replicas.
        self.batch_axis = int(looped) + int(looped and config.replicas > 1)
        self._made: dict[int, list[Program]] = {}
        self._called: set[tuple[int, int]] = set()  # (stage, program)

    def of(self, index: int, state: State) -> list[Program]:
        """The programs of a stage, which step a placed state like this one."""
        if index not in self._made:
            stage = self.experiment.stages[index]
            updates: list[Any] = [self._update(index, turn) for turn in range(len(stage.turns))]
            touched, turns = self.touched[index], [{number} for number in range(len(stage.turns))]
            if self.looped:
                updates = [steps_in_loop(stage, updates)]
                touched, turns = [frozenset().union(*touched)], [set().union(*turns)]
            self._made[index] = [
                self._program(update, paths, {g.name for g in self.groups[index] if g.turns & which}, state)
                for update, paths, which in zip(updates, touched, turns, strict=True)
            ]
        return self._made[index]

    def _update(self, index: int, turn: int) -> Any:
        update = with_readings(
            turn_update(
                self.experiment.model,
                self.experiment.stages[index],
                turn,
                self.groups[index],
                start=self.experiment.starts()[index],
                precision=self.config.precision,
                accumulate=self.config.accumulate,
                axis=self.layout.axis,
            )
        )
        return vectorised(update) if self.looped and self.config.replicas > 1 else update

    def _program(self, update: Any, paths: frozenset[Path], names: set[str], state: State) -> Program:
        part = state.part(paths, names)
        # An optimiser's state may have no leaf, as that of plain descent: leaves alone do not tell.
        all_groups = part.opt_states.keys() == state.opt_states.keys()
        whole = all_groups and len(jax.tree.leaves(part)) == len(jax.tree.leaves(state))
        compiled = self.layout.compile(update, part, self.batch_axis)
        return Program(compiled, paths, frozenset(names), whole)

    def put(self, batch: Any) -> Any:
        """This host's rows of a batch, on the devices."""
        return self.layout.put_batch(batch, self.batch_axis)

    def call(self, index: int, number: int, state: State, batch: Any, clock: np.ndarray) -> tuple[State, Any]:
        """Steps a placed state by a stage's program of that number, which is compiled at its first call."""
        programs = self.of(index, state)
        if (index, number) not in self._called:
            self._called.add((index, number))
            stage = self.experiment.stages[index]
            what = f"the steps of {stage.name}" if self.looped else stage.turns[number].name
            self.say(f"compiling {what} ({number + 1} of {len(programs)}) ...")
        return programs[number](state, batch, clock)
