"""An experiment's states and compiled programs, for one device or many, one replica or several.

States come in a list. Where the steps run in one compiled loop, it holds one state in which all replicas are
vectorised; else a state for each replica, stepped one after another by the same compiled program.
"""

from __future__ import annotations

import bisect
import dataclasses
import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np

from deeplearn.errors import UserError
from deeplearn.train.config import Config
from deeplearn.train.experiment import Experiment
from deeplearn.train.feed import Feed
from deeplearn.train.parallel import Layout, local
from deeplearn.train.programs import Programs
from deeplearn.train.state import State, begin, finite, groups, initialise
from deeplearn.train.step import FAULT, taken, turn_update
from deeplearn.train.tracing import traced
from deeplearn.train.trained import Trained
from deeplearn.train.trees import Path, unit_of, units

REMEDY = "checkpoints before that are kept; try a smaller learning rate or clip the gradient"
EVALUATION = 0xFFFFFFFF  # folded into a seed's key, where training folds the step


class Trainer:
    """`say` is called with a line before something slow, such as compiling.

    looped: whether steps run in one compiled loop and replicas are vectorised. By default it is inferred: on a
    CPU a convolution runs many times slower inside a loop or under `vmap`, so only programs without any are looped.
    """

    def __init__(
        self,
        experiment: Experiment,
        config: Config,
        layout: Layout,
        say: Callable[[str], None] = lambda text: None,
        looped: bool | None = None,
    ) -> None:
        self.experiment, self.config, self.say = experiment, config, say
        self.ends = {start + s.steps for start, s in zip(experiment.starts(), experiment.stages, strict=True)}
        # Needed at every step, so computed once.
        self.starts = experiment.starts()
        self.first_slots = [stage.first_slots for stage in experiment.stages]
        self.slots = [stage.slots for stage in experiment.stages]
        self.feed = Feed(experiment, config, layout)
        self.abstract_one: State = jax.eval_shape(
            functools.partial(initialise, experiment, batches=self.feed.examples), jax.random.key(0)
        )
        params = self.abstract_one.params
        self.layout = layout = layout.suited_to(params)
        mentioned = {path for stage in experiment.stages for turn in stage.turns for path in turn.paths}
        cut = units(params, mentioned)
        leaves = {tuple(entry.key for entry in path) for path, _ in jax.tree_util.tree_leaves_with_path(params)}
        self.paths = frozenset(cut) | {unit_of(leaf, cut) for leaf in leaves}
        self.groups = [groups(stage, params) for stage in experiment.stages]
        found = [
            [traced(experiment.model, turn, self.abstract_one, example, self.paths) for turn in stage.turns]
            for stage, example in zip(experiment.stages, self.feed.examples, strict=True)
        ]
        self.touched = [[turn.paths for turn in stage] for stage in found]
        if looped is None:
            looped = jax.default_backend() != "cpu" or not any(t.convolves for stage in found for t in stage)
        self.looped = looped
        self.vectorised = looped and config.replicas > 1
        everyone = range(config.replicas)
        # The replicas in each state.
        self.replicas = [everyone] if self.vectorised else [range(r, r + 1) for r in everyone]
        self.programs = Programs(experiment, config, layout, self.groups, self.touched, looped, say)

    # States.

    def _initial(self, experiment: Experiment, seeds: Any) -> State:
        make = functools.partial(initialise, experiment, batches=self.feed.examples)
        keys = jax.vmap(jax.random.key)(seeds)
        return jax.vmap(make)(keys) if self.vectorised else make(keys[0])

    def separate(self) -> list[Experiment]:
        """The experiment split into parts that no turn connects; usually it is one part."""
        pieces: list[frozenset[Path]] = []
        for paths in itertools.chain(*self.touched):
            apart = [piece for piece in pieces if not piece & paths]
            pieces = [*apart, paths.union(*(piece for piece in pieces if piece & paths))]

        def cut(piece: frozenset[Path]) -> Experiment:
            stages = [
                dataclasses.replace(
                    stage, turns=[turn for turn, paths in zip(stage.turns, touched, strict=True) if paths <= piece]
                )
                for stage, touched in zip(self.experiment.stages, self.touched, strict=True)
            ]
            return dataclasses.replace(self.experiment, stages=stages)

        return [cut(piece) for piece in pieces]

    def _seeds(self, replicas: range) -> np.ndarray:
        return np.array([self.config.seed + replica for replica in replicas], np.uint32)

    def initial(self) -> list[State]:
        """The canonical states at step 0."""
        self.say("compiling the initialisation ...")
        # Networks that no turn connects are initialised one by one: a program that draws the weights of many
        # compiles far longer than all programs that draw the weights of one.
        makers = [functools.partial(self._initial, piece) for piece in self.separate()]
        states = [
            functools.reduce(State.joined, [self.layout.build(make, self._seeds(some)) for make in makers])
            for some in self.replicas
        ]
        return states if self.experiment.stages[0].start is None else self._begun(0, states)

    def _started(self, start: Callable[..., Any], state: State) -> State:
        """The canonical state with its variables changed by `start`, on the host."""
        state = local(state)
        variables = state.weights
        if self.vectorised:
            each = [start(jax.tree.map(lambda x, r=r: x[r], variables)) for r in range(self.config.replicas)]
            started = jax.tree.map(lambda *leaves: np.stack(leaves), *each)
        else:
            started = start(variables)
        chex.assert_trees_all_equal_shapes_and_dtypes(variables, started)
        collections = {name: tree for name, tree in started.items() if name != "params"}
        # The averages are in the parameters already: a stage that begins would start from the old ones.
        return dataclasses.replace(state, params=started["params"], collections=collections, ema={})

    def _begin(self, index: int, state: State) -> State:
        enter = functools.partial(begin, self.experiment.stages[index])
        return jax.vmap(enter)(state) if self.vectorised else enter(state)

    def _begun(self, index: int, states: Sequence[State]) -> list[State]:
        """Canonical states at the start of stage number `index`, from canonical states before it."""
        if (start := self.experiment.stages[index].start) is not None:
            states = [self._started(start, state) for state in states]
        return [self.layout.build(functools.partial(self._begin, index), state) for state in states]

    def enter(self, step: int, states: Sequence[State]) -> list[State]:
        """The placed states at the start of the stage that begins at `step`."""
        canonical = [self.layout.canonical(state) for state in states]
        return [self.layout.place(state) for state in self._begun(self.experiment.stage_at(step), canonical)]

    def abstract(self, step: int) -> list[State]:
        """The shapes, types and shardings of the canonical states at a step: what a checkpoint must hold."""
        seeds = self._seeds(self.replicas[0])
        state = jax.eval_shape(functools.partial(self._initial, self.experiment), seeds)
        if index := self.experiment.stage_at(step):
            state = jax.eval_shape(functools.partial(self._begin, index), state)
        shardings = self.layout.shardings(state)
        placed = jax.tree.map(lambda x, s: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=s), state, shardings)
        return [placed] * len(self.replicas)

    # Steps.

    def advance(self, states: Sequence[Any], step: int, pause: int) -> tuple[list[Any], Any, int]:
        """Takes one step, or a loop of steps at most up to step `pause`.

        Returns states, metrics still on the device, and the new step.
        """
        index = bisect.bisect_right(self.starts, step) - 1
        pause = min(pause, self.starts[index] + self.experiment.stages[index].steps)
        advance = self._loop if self.looped else self._step
        each = [advance(index, state, some, step, pause) for state, some in zip(states, self.replicas, strict=True)]
        states, metrics, counts = (list(column) for column in zip(*each, strict=True))
        if self.layout.blocks:
            jax.block_until_ready(states)
        return states, metrics, step + counts[0]

    def _loop(self, index: int, state: Any, replicas: range, step: int, pause: int) -> tuple[Any, list[Any], int]:
        slots, chunk = self.slots[index], self.feed.chunk(index)
        count = min(chunk, pause - step)
        # Always the same number of batches: another shape would compile the loop again.
        batches = self.feed.many(index, replicas, step * slots, chunk * slots)
        clock = np.array([step, count], np.int32)
        state, metrics = self.programs.call(index, 0, state, self.programs.put(batches), clock)
        return state, metrics, count

    def _step(self, index: int, state: Any, replicas: range, step: int, pause: int) -> tuple[Any, list[Any], int]:
        stage = self.experiment.stages[index]
        metrics: list[Any] = [None] * len(stage.turns)
        batches: dict[int, Any] = {}  # by slot: systems side by side use the same
        for number, first in enumerate(self.first_slots[index]):
            if not stage.turns[number].due(step):
                continue
            for slot in range(first, first + stage.turns[number].times):
                if slot not in batches:
                    batch = self.feed.one(index, replicas, step * self.slots[index] + slot)
                    batches[slot] = self.programs.put(batch)
                clock = np.array([step, slot], np.int32)
                state, metrics[number] = self.programs.call(index, number, state, batches[slot], clock)
        return state, metrics, 1

    # Metrics.

    def read(self, step: int, metrics: Sequence[Sequence[Any]]) -> tuple[str, dict[str, np.ndarray]]:
        """(stage, {metric: [replicas]}) of the step that ended at `step`; UserError where one is not finite."""
        stage = self.experiment.stages[self.experiment.stage_at(step - 1)]
        values: dict[str, list[np.ndarray]] = {}
        for each in metrics:
            for number, turn in taken(stage, step - 1).items():
                fetched = self.layout.fetch(each[number])
                self._raise_for(fetched.fault)
                prefix = f"{turn.name}/" if len(stage.turns) > 1 else ""
                for name, value in fetched.values().items():
                    values.setdefault(prefix + name, []).append(np.atleast_1d(value))
        return stage.name, {name: np.concatenate(parts) for name, parts in values.items()}

    def check(self, states: Sequence[Any]) -> None:
        """UserError where a state has had a metric that is not finite: it must not become a checkpoint."""
        for state in states:
            self._raise_for(self.layout.fetch(state.fault))
            # No metric shows the last step's gradient yet, if its norms were not computed.
            if not finite(state.params):
                raise UserError(f"parameters are not finite after step {int(np.max(state.step))}: {REMEDY}")

    def _raise_for(self, faults: np.ndarray) -> None:
        """faults: [3] or [replicas, 3], as in `State.fault`."""
        for step, turn, metric in np.atleast_2d(faults).tolist():
            if step < 0:
                continue
            index = self.experiment.stage_at(step)
            stage = self.experiment.stages[index]
            state = jax.eval_shape(lambda s, i=index: begin(self.experiment.stages[i], s), self.abstract_one)
            update = turn_update(self.experiment.model, stage, turn, self.groups[index])
            names = jax.eval_shape(update, state, self.feed.examples[index], np.zeros(2, np.int32))[1]
            name = sorted(set(names) - {FAULT})[metric]
            raise UserError(
                f"{name} of the turn {stage.turns[turn].name} is not finite at step {step + 1}: {REMEDY}"
            )

    # Evaluation.

    def trained(self, states: Sequence[State]) -> list[Trained]:
        """Each replica's model with the weights to evaluate, from canonical states."""
        result = []
        for replica in range(self.config.replicas):
            variables = local(states[0 if self.vectorised else replica].weights)
            if self.vectorised:
                variables = jax.tree.map(lambda x, r=replica: x[r], variables)
            key = jax.random.fold_in(jax.random.key(self.config.seed + replica), EVALUATION)
            variables = jax.tree.map(jnp.asarray, variables)
            result.append(Trained(self.experiment.model, variables, key, self.config, self.experiment.rivals))
        return result

    def validate(self, states: Sequence[State]) -> dict[str, np.ndarray]:
        """{metric: [replicas]} on the validation split."""
        if self.experiment.validate is None:
            return {}
        arrays = self.experiment.data.validation.arrays()
        each = [trained.mean(self.experiment.validate, arrays) for trained in self.trained(states)]
        return {name: np.array([metrics[name] for metrics in each]) for name in each[0]}
