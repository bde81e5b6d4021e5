"""Recurrent cells: plain, LSTM and GRU, one step of time each."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.nn.checks import assert_shapes
from deeplearn.nn.functional import by_rows


def orthogonal_blocks(key: jax.Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> jax.Array:
    """Initialiser of [features, gates·features]: for each gate an orthogonal matrix (Saxe et al. 2014)."""
    features, columns = shape
    orthogonal = nn.initializers.orthogonal()
    keys = jax.random.split(key, columns // features)
    return jnp.concatenate([orthogonal(one, (features, features), dtype) for one in keys], axis=1)


class Cell(nn.Module):
    """What the cells share: a product of the input, one of the hidden state h, and an update by both.

    `cell(state, x)` makes one step. `Recurrent` takes the input's products of all steps at once, by `project`, and
    has only `update` in its loop. A state is h [batch, features], or a tuple with h in it.
    """

    features: int
    gates: ClassVar[int] = 1

    def setup(self) -> None:
        width = self.gates * self.features
        self.input = nn.Dense(width, bias_init=self.initial_bias())
        self.recurrent_kernel = self.param("recurrent_kernel", orthogonal_blocks, (self.features, width))

    @nn.nowrap
    def initial_bias(self) -> nn.initializers.Initializer:
        """Zeros, where a cell says nothing else."""
        return nn.initializers.zeros

    @nn.nowrap
    def start(self, batch: int) -> Any:
        """The state before the first step, zeros, float32 in mixed precision too."""
        return jnp.zeros((batch, self.features))

    @staticmethod
    def hidden(state: Any) -> jax.Array:
        """The state's h [batch, features], which is the output too."""
        return state

    @staticmethod
    def with_hidden(state: Any, h: jax.Array) -> Any:
        """The state with another h."""
        return h

    def project(self, x: jax.Array) -> tuple[jax.Array, jax.Array | None]:
        """x [..., inputs] -> what is added to the product of h [..., gates·features], and what stands beside it."""
        return by_rows(self.input, x), None

    @staticmethod
    def update(state: Any, z: jax.Array, beside: Any) -> tuple[Any, Any]:
        """The next state and what `pull` wants; z [batch, gates·features] is the sum of both products."""
        raise NotImplementedError

    @staticmethod
    def pull(state: Any, kept: Any, new: Any, change: Any) -> tuple[Any, jax.Array, jax.Array | None]:
        """The gradient of `update`: of (state, z, beside), from that of the next state, `change`.

        new: the next state, kept: what `update` gave beside it. JAX would compute the same, but more slowly.
        """
        raise NotImplementedError

    def __call__(self, state: Any, x: jax.Array) -> tuple[Any, jax.Array]:
        """One step: state and x [batch, inputs] -> (next state, output [batch, features])."""
        h = self.hidden(state)
        assert_shapes(x=(x, "batch inputs"), state=(h, f"batch {self.features}"))
        added, beside = self.project(x)
        state, _ = step(type(self), self.recurrent_kernel.astype(added.dtype), state, added, beside)
        return state, self.hidden(state).astype(added.dtype)


def step(
    kind: type[Cell], kernel: jax.Array, state: Any, added: jax.Array, beside: jax.Array | None
) -> tuple[Any, Any]:
    """The state after one step of a cell of this kind, and what its `pull` wants.

    A state keeps its own type, float32 in mixed precision.
    """
    new, kept = kind.update(state, added + kind.hidden(state).astype(kernel.dtype) @ kernel, beside)
    return kept_types(new, state), kept


def kept_types(new: Any, old: Any) -> Any:
    """`new` with the types of `old`."""
    return jax.tree.map(lambda new, old: new.astype(old.dtype), new, old)


def gated(z: jax.Array, *sigmoid: bool) -> list[jax.Array]:
    """σ or tanh of equal parts of z's last axis: σ(x) = (1 + tanh(x/2))/2, so that one tanh computes all at once.

    The barrier keeps XLA from computing it again in each operation that uses a part.
    """
    scale = jnp.repeat(jnp.array([0.5 if one else 1.0 for one in sigmoid], z.dtype), z.shape[-1] // len(sigmoid))
    return jnp.split(jax.lax.optimization_barrier(jnp.tanh(z * scale) * scale + (1 - scale)), len(sigmoid), axis=-1)


class RNNCell(Cell):
    """h' = tanh(W x + U h + b) (Elman 1990)."""

    @staticmethod
    def update(state: Any, z: jax.Array, beside: Any) -> tuple[Any, Any]:
        return jnp.tanh(z), None

    @staticmethod
    def pull(state: Any, kept: Any, new: Any, change: Any) -> tuple[Any, jax.Array, jax.Array | None]:
        return jnp.zeros_like(state), change * (1 - new * new), None


class LSTMState(NamedTuple):
    """c, the memory, and h, the output; both [batch, features]."""

    memory: jax.Array
    hidden: jax.Array


class LSTMCell(Cell):
    """Long short-term memory (Hochreiter & Schmidhuber 1997; with a forget gate, Gers, Schmidhuber & Cummins 2000).

    f, i, g, o = W x + U h + b, in this order: forget gate, input gate, candidate, output gate;
    c' = σ(f) ∘ c + σ(i) ∘ tanh(g), h' = σ(o) ∘ tanh(c').
    `forget_bias` is where the forget gate's bias begins: 1, so that a young cell remembers (Jozefowicz et al.
    2015).
    """

    forget_bias: float = 1.0
    gates: ClassVar[int] = 4

    @nn.nowrap
    def initial_bias(self) -> nn.initializers.Initializer:
        def bias(key: jax.Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> jax.Array:
            return jnp.zeros(shape, dtype).at[: self.features].set(self.forget_bias)

        return bias

    @nn.nowrap
    def start(self, batch: int) -> LSTMState:
        return LSTMState(jnp.zeros((batch, self.features)), jnp.zeros((batch, self.features)))

    @staticmethod
    def hidden(state: LSTMState) -> jax.Array:
        return state.hidden

    @staticmethod
    def with_hidden(state: LSTMState, h: jax.Array) -> LSTMState:
        return LSTMState(state.memory, h)

    @staticmethod
    def update(state: LSTMState, z: jax.Array, beside: Any) -> tuple[LSTMState, Any]:
        gates = gated(z, True, True, False, True)
        forget, write, candidate, output = gates
        memory = forget * state.memory + write * candidate
        return LSTMState(memory, output * jnp.tanh(memory)), gates

    @staticmethod
    def pull(
        state: LSTMState, kept: Any, new: LSTMState, change: LSTMState
    ) -> tuple[LSTMState, jax.Array, jax.Array | None]:
        forget, write, candidate, output = kept
        squashed = jnp.tanh(new.memory)
        memory = change.memory + change.hidden * output * (1 - squashed * squashed)
        z = (
            memory * state.memory * forget * (1 - forget),
            memory * candidate * write * (1 - write),
            memory * write * (1 - candidate * candidate),
            change.hidden * squashed * output * (1 - output),
        )
        return LSTMState(memory * forget, jnp.zeros_like(memory)), jnp.concatenate(z, axis=-1), None


class GRUCell(Cell):
    """Gated recurrent unit (Cho et al. 2014) with the reset gate after the product, as torch and cuDNN have it.

    r = σ(W_r x + U_r h + b_r), z = σ(W_z x + U_z h + b_z), n = tanh(W_n x + b_n + r ∘ (U_n h + b)),
    h' = (1 − z) ∘ n + z ∘ h; the columns are in the order r, z, n. The paper has U_n (r ∘ h). The parameter
    `candidate_bias` is b; torch's recurrent biases of the other two gates would only add to b_r and b_z.
    """

    gates: ClassVar[int] = 3

    def setup(self) -> None:
        super().setup()
        self.candidate_bias = self.param("candidate_bias", nn.initializers.zeros, (self.features,))

    def project(self, x: jax.Array) -> tuple[jax.Array, jax.Array | None]:
        gates, candidate = jnp.split(by_rows(self.input, x), [2 * self.features], axis=-1)
        bias = jnp.broadcast_to(self.candidate_bias.astype(gates.dtype), candidate.shape)
        return jnp.concatenate([gates, bias], axis=-1), candidate

    @staticmethod
    def update(state: Any, z: jax.Array, beside: Any) -> tuple[Any, Any]:
        gates, product = jnp.split(z, [2 * state.shape[-1]], axis=-1)
        reset, keep = gated(gates, True, True)
        candidate = jax.lax.optimization_barrier(jnp.tanh(beside + reset * product))
        return candidate + keep * (state - candidate), (reset, keep, product, candidate)

    @staticmethod
    def pull(state: Any, kept: Any, new: Any, change: Any) -> tuple[Any, jax.Array, jax.Array | None]:
        reset, keep, product, candidate = kept
        inner = change * (1 - keep) * (1 - candidate * candidate)
        z = (
            inner * product * reset * (1 - reset),
            change * (state - candidate) * keep * (1 - keep),
            inner * reset,
        )
        return change * keep, jnp.concatenate(z, axis=-1), inner
