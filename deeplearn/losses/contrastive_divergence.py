"""Contrastive divergence as a loss: F(v) − F(stop_gradient(v_k)).

The gradient of the log-likelihood of a Boltzmann machine is ⟨−∂F/∂θ⟩_data − ⟨−∂F/∂θ⟩_model. Contrastive divergence
replaces the model by k steps of Gibbs sampling (Hinton 2002, section 3). With the sample held constant the gradient
of the difference of free energies *is* that rule, ΔW ∝ ⟨vh⟩_data − ⟨vh⟩_k with h by its probabilities, which any
optimiser may follow. The value itself is no likelihood and need not fall.

A machine is a bound module with `free_energy(v) -> [batch]`, `gibbs(v, key, steps)` and
`gibbs_of_hidden(h, key, steps)`, such as `models.rbm.RBM`.
"""

from __future__ import annotations

from typing import Any

import jax

from deeplearn.nn.checks import assert_shapes

Metrics = dict[str, jax.Array]


def free_energy_gap(machine: Any, v: jax.Array, sample: jax.Array) -> tuple[jax.Array, Metrics]:
    """Mean F(v) − mean F(sample), the sample held constant: the loss of every rule here.

    v: [batch, visible]. sample: [samples, visible].
    """
    assert_shapes(v=(v, "batch visible"), sample=(sample, "samples visible"))
    data, model = machine.free_energy(v).mean(), machine.free_energy(jax.lax.stop_gradient(sample)).mean()
    return data - model, {"free_energy": data, "sample_free_energy": model}


def contrastive_divergence(machine: Any, v: jax.Array, key: jax.Array, steps: int) -> tuple[jax.Array, Metrics]:
    """CD-k: chains that start from the data and run for k = `steps` steps."""
    return free_energy_gap(machine, v, machine.gibbs(v, key, steps))


def persistent_contrastive_divergence(
    machine: Any, v: jax.Array, chains: jax.Array, key: jax.Array, steps: int
) -> tuple[jax.Array, Metrics, jax.Array]:
    """PCD: chains of hidden units [chains, hidden] that continue where the last update left them (Tieleman 2008).

    Returns them too: store them in a Flax collection, as a part of the state. Keeping hidden units saves one of
    six matrix products: the last upward pass of a step is the one that its free energy needs.
    """
    assert_shapes(chains=(chains, "chains hidden"))
    sample, chains = machine.gibbs_of_hidden(chains, key, steps)
    loss, metrics = free_energy_gap(machine, v, sample)
    return loss, metrics, chains
