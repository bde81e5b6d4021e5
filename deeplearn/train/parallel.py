"""One step function, three ways to compile it: one device, jit over a mesh, pmap."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec, SingleDeviceSharding

from deeplearn.errors import UserError

DATA, MODEL = "data", "model"
Tree = Any


def parse_mesh(text: str) -> dict[str, int]:
    """{"data": 4, "model": 2} from "data:4,model:2"; empty text is one device."""
    axes: dict[str, int] = {}
    for part in filter(None, text.split(",")):
        name, _, size = part.partition(":")
        if name not in (DATA, MODEL) or not size.isdecimal() or int(size) < 1 or name in axes:
            raise UserError(f"--mesh={text} is not of the form data:8 or data:4,model:2")
        axes[name] = int(size)
    return {DATA: 1, **axes} if axes else axes


def make_layout(mesh: str, parallel: str) -> Layout:
    """The layout that `--mesh` and `--parallel` ask for."""
    axes = parse_mesh(mesh)
    if parallel == "pmap" and MODEL in axes:
        raise UserError(
            "--parallel=pmap replicates the parameters: leave model out of --mesh, or use --parallel=jit"
        )
    devices = jax.devices()
    if not axes and (parallel == "pmap" or jax.process_count() > 1):
        axes = {DATA: len(devices)}
    if not axes:
        return Layout()
    size = int(np.prod(list(axes.values())))
    if size > len(devices):
        hint = f" (JAX_NUM_CPU_DEVICES={size} makes virtual ones)" if devices[0].platform == "cpu" else ""
        raise UserError(
            f"--mesh={mesh} needs {size} devices, but there are {len(devices)} {devices[0].platform} devices{hint}"
        )
    if jax.process_count() > 1 and size != len(devices):
        raise UserError(f"--mesh={mesh} takes {size} of {len(devices)} devices: several hosts must use all of them")
    # Auto axes: under the Explicit ones that jax.make_mesh prefers, indexing inside a loss is an error.
    grid = jax.make_mesh(
        tuple(axes.values()), tuple(axes), axis_types=(AxisType.Auto,) * len(axes), devices=devices[:size]
    )
    return Layout(grid, parallel == "pmap")


def split_axis(shape: Sequence[int], ways: int) -> int | None:
    """Which axis of an array is split so many ways over the model axis: the larger divisible one of its last two.

    None where it is not split: vectors (biases, norms, counters) are not worth a collective each.
    """
    rank = len(shape)
    divisible = [axis for axis in range(max(0, rank - 2), rank) if shape[axis] and shape[axis] % ways == 0]
    if ways == 1 or rank < 2 or not divisible:
        return None
    return max(divisible, key=lambda axis: shape[axis])


@dataclasses.dataclass(frozen=True)
class Layout:
    """Where states and batches are placed, and how a step is compiled for that.

    Step functions take (state, batch, clock). The state is *placed* for stepping and *canonical* (without pmap's
    leading device axis) for everything else. `batch_axis` is the axis of a batch's leaves that is split over the
    mesh: axes before it count the steps of a loop and the replicas.
    """

    mesh: Mesh | None = None
    pmap: bool = False
    convolves: bool = False  # whether networks have convolutions, see `suited_to`

    @property
    def axis(self) -> str | None:
        """The mapped axis's name inside the step, where there is one."""
        return DATA if self.pmap else None

    @property
    def ways(self) -> int:
        """The number of parts into which a batch is split."""
        return 1 if self.mesh is None else self.mesh.shape[DATA]

    @property
    def shard(self) -> tuple[int, int]:
        """This host's part of every batch: (index, number of parts)."""
        return (0, 1) if self.mesh is None else (jax.process_index(), jax.process_count())

    @property
    def blocks(self) -> bool:
        """Virtual CPU devices share a pool of threads: unbounded dispatch of sharded steps can deadlock there."""
        return self.mesh is not None and jax.default_backend() == "cpu"

    @property
    def splits(self) -> bool:
        """Whether parameters are split."""
        return self.mesh is not None and self.mesh.shape.get(MODEL, 1) > 1 and not self.convolves

    def suited_to(self, params: Tree) -> Layout:
        """This layout for states of these parameters: with kernels of convolutions among them none is split.

        What a split matrix makes becomes, reshaped to pixels, a picture that is split over its height. Of such a
        one, on a mesh with both axes, XLA (jaxlib 0.10.2, CPU) computes another convolution, or another gradient.
        """
        kernels = any(len(leaf.shape) >= 4 for leaf in jax.tree.leaves(params))
        return dataclasses.replace(self, convolves=kernels)

    def shardings(self, state: Tree) -> Tree:
        """A sharding for each leaf of the canonical state.

        On one device, that device: the same compiled program steps a new state and a restored one. On a mesh,
        replicated; or, where it `splits`, the larger divisible one of the last two axes of each matrix over the
        model axis.
        """
        mesh = self.mesh
        if mesh is None:
            one = SingleDeviceSharding(jax.devices()[0])
            return jax.tree.map(lambda _: one, state)
        ways = mesh.shape[MODEL] if self.splits else 1

        def sharding(leaf: Any) -> NamedSharding:
            axis = split_axis(leaf.shape, ways)
            return NamedSharding(mesh, PartitionSpec() if axis is None else PartitionSpec(*[None] * axis, MODEL))

        return jax.tree.map(sharding, state)

    def build(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """`function(*arguments)` compiled so that the canonical state that it returns is created in its place."""
        shardings = self.shardings(jax.eval_shape(function, *arguments))
        # It runs once, and random numbers compile slowly: little optimisation makes the first start much faster.
        level = "xla_backend_optimization_level"
        options = {} if level in os.environ.get("XLA_FLAGS", "") else {level: 1}  # who names one, has a reason
        return jax.jit(function, out_shardings=shardings, compiler_options=options)(*arguments)

    def compile(self, function: Callable[..., Any], state: Tree, batch_axis: int) -> Callable[..., Any]:
        """`function(state, batch, clock) -> (state, metrics)`, its state donated. `state` is canonical."""
        if self.mesh is None:
            return jax.jit(function, donate_argnums=0)
        if self.pmap:
            devices = list(self.mesh.devices.flat) if jax.process_count() == 1 else None
            return jax.pmap(
                function, DATA, in_axes=(0, batch_axis, None), donate_argnums=0, devices=devices
            )  # fmt: skip
        # The state keeps its placement: a new one would compile the step again.
        replicated = NamedSharding(self.mesh, PartitionSpec())
        return jax.jit(function, donate_argnums=0, out_shardings=(self.shardings(state), replicated))

    def place(self, state: Tree) -> Tree:
        """The canonical state, made ready for stepping."""
        if not self.pmap:
            return state
        assert self.mesh is not None
        count = jax.local_device_count() if jax.process_count() > 1 else self.ways
        stacked = jax.tree.map(lambda x: np.broadcast_to(x, (count, *x.shape)), local(state))
        # A pmap that does nothing arranges the copies as the pmapped step needs them.
        devices = list(self.mesh.devices.flat) if jax.process_count() == 1 else None
        return jax.pmap(lambda x: x, devices=devices)(stacked)

    def canonical(self, state: Tree) -> Tree:
        """The state in the form in which it is saved: one copy, on the mesh."""
        if not self.pmap:
            return state
        first = self.fetch(state)
        shardings = self.shardings(first)
        return jax.tree.map(
            lambda x, s: jax.make_array_from_callback(x.shape, s, lambda index: x[index]), first, shardings
        )

    def fetch(self, tree: Tree) -> Tree:
        """What a step returned (metrics, or a placed state) as numpy arrays, one copy."""
        if not self.pmap:
            return local(tree)
        return jax.tree.map(lambda x: np.asarray(x.addressable_shards[0].data)[0], tree)

    def put_batch(self, batch: Tree, batch_axis: int) -> Tree:
        """This host's rows of a batch, on the devices."""
        if self.mesh is None:
            return batch
        if self.pmap:
            count = self.ways // jax.process_count()
            return jax.tree.map(
                lambda x: x.reshape(*x.shape[:batch_axis], count, -1, *x.shape[batch_axis + 1 :]), batch
            )
        sharding = NamedSharding(self.mesh, PartitionSpec(*[None] * batch_axis, DATA))
        if jax.process_count() == 1:
            return jax.device_put(batch, sharding)
        return jax.tree.map(lambda x: jax.make_array_from_process_local_data(sharding, x), batch)


def local(tree: Tree) -> Tree:
    """Any placed tree as numpy arrays on this host; sharded leaves are gathered first."""

    def fetch(leaf: Any) -> Any:
        if isinstance(leaf, jax.Array) and not leaf.is_fully_addressable:
            if not leaf.is_fully_replicated:
                assert isinstance(leaf.sharding, NamedSharding)
                whole = NamedSharding(leaf.sharding.mesh, PartitionSpec())
                leaf = jax.jit(lambda x: x, out_shardings=whole)(leaf)
            leaf = leaf.addressable_data(0)
        return np.asarray(leaf)

    return jax.tree.map(fetch, tree)
