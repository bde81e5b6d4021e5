"""The restricted Boltzmann machine: p(v, h) ∝ e^{−E(v, h)} (Smolensky 1986; Hinton 2002).

    Bernoulli   E(v, h) = −b·v − c·h − vᵀWh                       v, h in {0, 1}
    Gaussian    E(v, h) = ‖v − b‖²/2σ² − c·h − (v/σ)ᵀWh           v real (Hinton 2010, section 13.2)

Given one layer, the units of the other are independent. With the hidden units summed out,
p(v) = e^{−F(v)} / Z, where F is the free energy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.nn.checks import assert_shapes
from deeplearn.nn.functional import black_and_white, flat, softplus


class RBM(nn.Module):
    """Visible units v [batch, visible], hidden units h [batch, hidden] in {0, 1}.

    std: σ of Gaussian visible units, in the data's units; None for visible units in {0, 1}.
    """

    visible: int
    hidden: int
    std: float | None = None

    def setup(self) -> None:
        # Hinton 2010, section 8: small Gaussian weights.
        self.kernel = self.param("kernel", nn.initializers.normal(0.01), (self.visible, self.hidden))
        self.visible_bias = self.param("visible_bias", nn.initializers.zeros, (self.visible,))
        self.hidden_bias = self.param("hidden_bias", nn.initializers.zeros, (self.hidden,))

    def observe(self, image: Any) -> Any:
        """Images [batch, ...] in [0, 1] as units [batch, visible]: black and white, or their grey levels."""
        return black_and_white(image) if self.std is None else flat(image)

    def encode(self, v: jax.Array) -> jax.Array:
        """p(h = 1 | v), the code of an image: [batch, hidden]."""
        return nn.sigmoid(self.hidden_logits(v))

    def reconstruct(self, v: jax.Array) -> jax.Array:
        """E[v | h] with the code's probabilities for h: one step up and down without sampling."""
        return self.visible_mean(self.encode(v))

    def hidden_logits(self, v: jax.Array) -> jax.Array:
        """Logits of p(h = 1 | v), [batch, hidden]."""
        assert_shapes(v=(v, f"batch {self.visible}"))
        return v / (self.std or 1.0) @ self.kernel + self.hidden_bias

    def visible_mean(self, h: jax.Array) -> jax.Array:
        """E[v | h], [batch, visible]."""
        assert_shapes(h=(h, f"batch {self.hidden}"))
        drive = h @ self.kernel.T
        if self.std is None:
            return nn.sigmoid(drive + self.visible_bias)
        return self.visible_bias + self.std * drive

    def free_energy(self, v: jax.Array) -> jax.Array:
        """F(v) = −log Σ_h e^{−E(v, h)}, [batch], in nats."""
        summed_out = softplus(self.hidden_logits(v)).sum(-1)
        if self.std is None:
            return -v @ self.visible_bias - summed_out
        return ((v - self.visible_bias) ** 2).sum(-1) / (2 * self.std**2) - summed_out

    def sample_hidden(self, v: jax.Array, key: jax.Array) -> jax.Array:
        """h ~ p(h | v), floats 0 and 1."""
        return _bernoulli(key, self.encode(v))

    def sample_visible(self, h: jax.Array, key: jax.Array) -> jax.Array:
        """v ~ p(v | h)."""
        mean = self.visible_mean(h)
        if self.std is None:
            return _bernoulli(key, mean)
        return mean + self.std * jax.random.normal(key, mean.shape, mean.dtype)

    def gibbs(self, v: jax.Array, key: jax.Array, steps: int) -> jax.Array:
        """v after `steps` times h ~ p(h | v), v ~ p(v | h); no gradient flows through it."""

        def once(i: jax.Array, v: jax.Array) -> jax.Array:
            up, down = jax.random.split(jax.random.fold_in(key, i))
            return jax.lax.stop_gradient(self.sample_visible(self.sample_hidden(v, up), down))

        return jax.lax.fori_loop(0, steps, once, v)

    def gibbs_of_hidden(self, h: jax.Array, key: jax.Array, steps: int) -> tuple[jax.Array, jax.Array]:
        """(v, h) after `steps` times v ~ p(v | h), h ~ p(h | v); no gradient flows through it."""

        def once(i: jax.Array, state: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
            down, up = jax.random.split(jax.random.fold_in(key, i))
            v = self.sample_visible(state[1], down)
            return jax.lax.stop_gradient((v, self.sample_hidden(v, up)))

        return jax.lax.fori_loop(0, steps, once, (jnp.zeros((len(h), self.visible), h.dtype), h))


def chain_means(machine: Any, v: jax.Array, key: jax.Array, visits: Sequence[int]) -> jax.Array:
    """E[v | h] of chains from v [chains, visible] after each number of Gibbs steps: [visits, chains, visible].

    machine: a bound `RBM`. visits: numbers of steps, ascending, the first at least 1.
    """
    assert_shapes(v=(v, f"chains {machine.visible}"))
    means, before = [], 0
    for number, after in enumerate(visits):
        around, up, down = jax.random.split(jax.random.fold_in(key, number), 3)
        h = machine.sample_hidden(machine.gibbs(v, around, after - before - 1), up)
        v, before = machine.sample_visible(h, down), after
        means.append(machine.visible_mean(h))
    return jnp.stack(means)


class PersistentRBM(RBM):
    """A machine with its own Markov chains, in the collection `chains` (Tieleman 2008).

    chains: their number. `fantasies.value` holds their hidden units [chains, hidden], which a loss replaces. All
    begin at 0, where the visible units are drawn by their biases alone.
    """

    chains: int = 64

    def setup(self) -> None:
        super().setup()
        self.fantasies = self.variable("chains", "hidden", jnp.zeros, (self.chains, self.hidden))


def _bernoulli(key: jax.Array, probability: jax.Array) -> jax.Array:
    return (jax.random.uniform(key, probability.shape, probability.dtype) < probability).astype(probability.dtype)
