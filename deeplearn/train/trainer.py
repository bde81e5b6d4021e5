"""An experiment's states, batches and compiled programs, for one device or many, one replica or several.

Replicas are kept in lanes: one lane that holds all of them, vectorised, where the networks are dense, else a lane
for each, stepped one after another by the same compiled program.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np

from deeplearn import data
from deeplearn.errors import UserError
from deeplearn.train.experiment import Experiment, Stage
from deeplearn.train.launch import Config
from deeplearn.train.parallel import Layout, local
from deeplearn.train.state import State, begin, initialise
from deeplearn.train.step import FAULT, names_touched, steps_in_loop, taken, turn_update, vectorised
from deeplearn.train.trained import Trained

CHUNK_BYTES = 16 * 2**20  # batches handed to one compiled loop
CHUNK_STEPS = 100
EVALUATION = 0xFFFFFFFF  # folded into a seed's key where training folds the step


@dataclasses.dataclass(frozen=True)
class Program:
    """A compiled turn, or a loop of them, that is handed only what it touches of the state.

    Of twenty rivals each turn would else carry the other nineteen, with their optimisers, through its program.
    """

    compiled: Callable[..., tuple[State, Any]]
    names: frozenset[str]

    def __call__(self, state: State, batch: Any, clock: np.ndarray) -> tuple[State, Any]:
        part, metrics = self.compiled(state.part(self.names), batch, clock)
        return state.joined(part), metrics


class Trainer:
    """`say` is told of what takes long, such as compiling."""

    def __init__(
        self, experiment: Experiment, config: Config, layout: Layout, say: Callable[[str], None] = lambda text: None
    ) -> None:
        self.experiment, self.config, self.layout, self.say = experiment, config, layout, say
        self.ends = {start + s.steps for start, s in zip(experiment.starts(), experiment.stages, strict=True)}
        self.vectorised = experiment.dense and config.replicas > 1
        self.lanes = 1 if self.vectorised else config.replicas
        parts = layout.ways * config.accumulate
        self.streams = [
            [self._stream(stage, config.seed + replica, parts) for replica in range(config.replicas)]
            for stage in experiment.stages
        ]
        self.examples = [self._example(index) for index in range(len(experiment.stages))]
        self.abstract_one: State = jax.eval_shape(
            functools.partial(initialise, experiment, batches=self.examples), jax.random.key(0)
        )
        self.touched = [
            [names_touched(experiment.model, turn, self.abstract_one, example) for turn in stage.turns]
            for stage, example in zip(experiment.stages, self.examples, strict=True)
        ]
        self._programs: dict[int, list[Program]] = {}
        self._called: set[tuple[int, int]] = set()  # (stage, program)

    # States.

    def _initialise_lane(self, experiment: Experiment, seeds: Any) -> State:
        make = functools.partial(initialise, experiment, batches=self.examples)
        keys = jax.vmap(jax.random.key)(seeds)
        return jax.vmap(make)(keys) if self.vectorised else make(keys[0])

    def islands(self) -> list[Experiment]:
        """The experiment cut where no turn touches networks of both sides; usually it is one piece."""
        islands: list[frozenset[str]] = []
        for names in itertools.chain(*self.touched):
            apart = [island for island in islands if not island & names]
            islands = [*apart, names.union(*(island for island in islands if island & names))]

        def piece(island: frozenset[str]) -> Experiment:
            stages = [
                dataclasses.replace(
                    stage, turns=[turn for turn, names in zip(stage.turns, touched, strict=True) if names <= island]
                )
                for stage, touched in zip(self.experiment.stages, self.touched, strict=True)
            ]
            return dataclasses.replace(self.experiment, stages=stages)

        return [piece(island) for island in islands]

    def _seeds(self, lane: int) -> np.ndarray:
        first, count = self.config.seed + lane, self.config.replicas if self.vectorised else 1
        return np.arange(first, first + count, dtype=np.uint32)

    def initial(self) -> list[State]:
        """The canonical states at step 0, one a lane."""
        self.say("compiling the initialisation ...")
        # Networks that no turn joins are initialised one by one: programs that draw the weights of many compile for
        # far longer than all of those that draw the weights of one.
        makers = [functools.partial(self._initialise_lane, island) for island in self.islands()]
        states = [
            functools.reduce(State.joined, [self.layout.build(make, self._seeds(lane)) for make in makers])
            for lane in range(self.lanes)
        ]
        return states if self.experiment.stages[0].start is None else self._begun(0, states)

    def _started(self, start: Callable[..., Any], state: State) -> State:
        """The canonical state with what `start` makes of its variables, on the host."""
        state = local(state)
        variables = {"params": {**state.params, **state.ema}, **state.collections}
        if self.vectorised:
            each = [start(jax.tree.map(lambda x, r=r: x[r], variables)) for r in range(self.config.replicas)]
            started = jax.tree.map(lambda *leaves: np.stack(leaves), *each)
        else:
            started = start(variables)
        chex.assert_trees_all_equal_shapes_and_dtypes(variables, started)
        collections = {name: tree for name, tree in started.items() if name != "params"}
        # The averages are in the parameters by now: a stage that begins would start from the old ones.
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
        state = jax.eval_shape(functools.partial(self._initialise_lane, self.experiment), self._seeds(0))
        if index := self.experiment.stage_at(step):
            state = jax.eval_shape(functools.partial(self._begin, index), state)
        shardings = self.layout.shardings(state)
        placed = jax.tree.map(lambda x, s: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=s), state, shardings)
        return [placed] * self.lanes

    # Batches.

    def _stream(self, stage: Stage, seed: int, parts: int) -> data.Stream:
        size = stage.batch_size or self.config.batch_size
        if size % parts:
            raise UserError(
                f"a batch of {size} cannot be cut into {self.layout.ways} device part(s) times "
                f"{self.config.accumulate} accumulated part(s): choose a --batch_size that {parts} divides"
            )
        return data.Stream(stage.data or self.experiment.data.train, size, seed, self.layout.shard)

    def _example(self, index: int) -> dict[str, np.ndarray]:
        """Zeros in the shape of a stage's batch: parameters must not depend on which host looks at what."""
        batch = self.streams[index][0].batch(0)
        return {name: np.zeros_like(value) for name, value in batch.items()}

    def _batches(self, stage: int, lane: int, first: int, count: int | None) -> Any:
        """Fresh batches of a lane: [count, replicas, batch, ...], without the axes that are not there."""

        def draw(stream: data.Stream) -> dict[str, np.ndarray]:
            return stream.batch(first) if count is None else stream.batches(first, count)

        streams = self.streams[stage]
        if not self.vectorised:
            return self.layout.put_batch(draw(streams[lane]), self.batch_axis)
        drawn = [draw(stream) for stream in streams]
        axis = 0 if count is None else 1
        stacked = {name: np.stack([batch[name] for batch in drawn], axis) for name in drawn[0]}
        return self.layout.put_batch(stacked, self.batch_axis)

    @property
    def batch_axis(self) -> int:
        """Where the examples are: behind the axes of a loop's steps and of vectorised replicas."""
        return int(self.experiment.dense) + int(self.vectorised)

    # Steps.

    def programs(self, index: int, state: State) -> list[Program]:
        """The compiled turns of a stage, or its compiled loop; made when the stage is first stepped."""
        if index not in self._programs:
            stage = self.experiment.stages[index]
            updates = [
                turn_update(
                    self.experiment.model,
                    stage,
                    turn,
                    start=self.experiment.starts()[index],
                    precision=self.config.precision,
                    accumulate=self.config.accumulate,
                    axis=self.layout.axis,
                )
                for turn in range(len(stage.turns))
            ]
            if self.vectorised:
                updates = [vectorised(update) for update in updates]
            touched = self.touched[index]
            if self.experiment.dense:
                updates, touched = [steps_in_loop(stage.turns, updates)], [frozenset().union(*touched)]
            self._programs[index] = [
                Program(self.layout.compile(update, state.part(names), self.batch_axis), names)
                for update, names in zip(updates, touched, strict=True)
            ]
        return self._programs[index]

    def _call(self, index: int, number: int, state: State, batch: Any, clock: np.ndarray) -> tuple[State, Any]:
        """Steps a placed state by a stage's program of that number, which is compiled at its first call."""
        programs = self.programs(index, state)
        if (index, number) not in self._called:
            self._called.add((index, number))
            stage = self.experiment.stages[index]
            what = f"the steps of {stage.name}" if self.experiment.dense else stage.turns[number].name
            self.say(f"compiling {what} ({number + 1} of {len(programs)}) ...")
        return programs[number](state, batch, clock)

    def _chunk(self, index: int) -> int:
        """How many steps' batches go into one compiled loop."""
        size = sum(value.nbytes for value in self.examples[index].values()) * self.config.replicas
        return max(1, min(CHUNK_STEPS, CHUNK_BYTES // max(1, size * self.experiment.stages[index].slots)))

    def _next_pause(self, step: int) -> int:
        """The next step at which something is logged, saved, or another stage begins."""
        every = (self.config.log_every, self.config.checkpoint_every)
        return min([(step // n + 1) * n for n in every] + [end for end in self.ends if end > step])

    def advance(self, states: list[Any], step: int) -> tuple[list[Any], Any, int]:
        """Takes a step, or a loop of steps; returns states, metrics still on the device, and the new step."""
        index = self.experiment.stage_at(step)
        stage = self.experiment.stages[index]
        states = list(states)
        fetched: list[list[Any]] = []
        if self.experiment.dense:
            chunk = self._chunk(index)
            count = min(chunk, self._next_pause(step) - step)
            clock = np.array([step, count], np.int32)
            for lane in range(self.lanes):
                # Always the same number of batches: another shape would compile the loop once more.
                batches = self._batches(index, lane, step * stage.slots, chunk * stage.slots)
                states[lane], metrics = self._call(index, 0, states[lane], batches, clock)
                fetched.append(metrics)
        else:
            count = 1
            for lane in range(self.lanes):
                metrics, slot = [None] * len(stage.turns), 0
                for number, turn in enumerate(stage.turns):
                    for _ in range(turn.times):
                        if step % turn.every == 0:
                            batch = self._batches(index, lane, step * stage.slots + slot, None)
                            clock = np.array([step, slot], np.int32)
                            states[lane], metrics[number] = self._call(index, number, states[lane], batch, clock)
                        slot += 1
                fetched.append(metrics)
        if self.layout.blocks:
            jax.block_until_ready(states)
        return states, fetched, step + count

    # Metrics.

    def read(self, step: int, lanes: Sequence[Sequence[Any]]) -> tuple[str, dict[str, np.ndarray]]:
        """(stage, {metric: [replicas]}) of the step that ended at `step`; UserError where one is not finite."""
        stage = self.experiment.stages[self.experiment.stage_at(step - 1)]
        values: dict[str, list[np.ndarray]] = {}
        for lane in lanes:
            for number, turn in taken(stage, step - 1).items():
                metrics = self.layout.fetch(lane[number])
                self._raise_for(metrics.pop(FAULT))
                prefix = f"{turn.name}/" if len(stage.turns) > 1 else ""
                for name, value in metrics.items():
                    values.setdefault(prefix + name, []).append(np.atleast_1d(value))
        return stage.name, {name: np.concatenate(parts) for name, parts in values.items()}

    def check(self, states: Sequence[Any]) -> None:
        """UserError where a state has met a metric that is not finite: it must not become a checkpoint."""
        for state in states:
            self._raise_for(self.layout.fetch(state.fault))

    def _raise_for(self, faults: np.ndarray) -> None:
        """faults: [3] or [replicas, 3], as in `State.fault`."""
        for step, turn, metric in np.atleast_2d(faults).tolist():
            if step < 0:
                continue
            index = self.experiment.stage_at(step)
            stage = self.experiment.stages[index]
            state = jax.eval_shape(lambda s, i=index: begin(self.experiment.stages[i], s), self.abstract_one)
            update = turn_update(self.experiment.model, stage, turn)
            names = jax.eval_shape(update, state, self.examples[index], np.zeros(2, np.int32))[1]
            name = sorted(set(names) - {FAULT})[metric]
            raise UserError(
                f"{name} of the turn {stage.turns[turn].name} is not finite at step {step + 1}: the last good "
                "checkpoint is kept; try a smaller learning rate or clip the gradient"
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
            result.append(Trained(self.experiment.model, jax.tree.map(jnp.asarray, variables), key))
        return result

    def validate(self, states: Sequence[State]) -> dict[str, np.ndarray]:
        """{metric: [replicas]} on the validation split."""
        if self.experiment.validate is None:
            return {}
        arrays = self.experiment.data.validation.arrays()
        each = [trained.mean(self.experiment.validate, arrays) for trained in self.trained(states)]
        return {name: np.array([metrics[name] for metrics in each]) for name in each[0]}
