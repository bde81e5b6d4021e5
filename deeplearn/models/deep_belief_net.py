"""The deep belief net: sigmoid layers that generate downwards from a restricted Boltzmann machine on top.

    p(v, h_1 … h_L) = p(v|h_1) p(h_1|h_2) … p(h_{L−2}|h_{L−1}) · p_top(h_{L−1}, h_L)    (Hinton et al. 2006)

A bottom-up pass q(h_1|v) q(h_2|h_1) … approximates the posterior. Stacked greedily both passes have the same
weights; fine-tuned by up-down they differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import jax

from deeplearn.models.rbm import RBM
from deeplearn.nn.checks import assert_shapes
from deeplearn.nn.sigmoid_belief import Layer, log_probability, sampled_pass


class DeepBeliefNet(NamedTuple):
    """recognition: layers from the visible units up to those of the top machine. generation: the same number
    of layers from there down to the visible units. top: a bound `RBM`.
    """

    recognition: Sequence[Layer]
    generation: Sequence[Layer]
    top: Any


def stacked(machines: Sequence[Any]) -> DeepBeliefNet:
    """The net of bound RBMs, each trained on the hidden units of the one below."""
    below = machines[:-1]
    recognition = [(machine.kernel, machine.hidden_bias) for machine in below]
    generation = [(machine.kernel.T, machine.visible_bias) for machine in below]
    return DeepBeliefNet(recognition, generation[::-1], machines[-1])


class Untying(nn.Module):
    """What up-down adds to the weights of a greedy stack, zero at first; called with it, the fine-tuned net.

    The stack itself does not change, so that the two can be compared.
    """

    @nn.compact
    def __call__(self, net: DeepBeliefNet) -> DeepBeliefNet:
        def shifted(name: str, weight: jax.Array) -> jax.Array:
            return weight + self.param(name, nn.initializers.zeros, weight.shape)

        def layers(direction: str, given: Sequence[Layer]) -> list[Layer]:
            return [
                (shifted(f"{direction}_kernel_{i}", kernel), shifted(f"{direction}_bias_{i}", bias))
                for i, (kernel, bias) in enumerate(given)
            ]

        names = ("kernel", "visible_bias", "hidden_bias")
        weights = {name: shifted(f"top_{name}", getattr(net.top, name)) for name in names}
        top = RBM(*net.top.kernel.shape, parent=None).bind({"params": weights})
        return DeepBeliefNet(layers("up", net.recognition), layers("down", net.generation), top)


def log_weights(net: DeepBeliefNet, v: jax.Array, key: jax.Array) -> jax.Array:
    """log p(v, h) + log Z_top − log q(h|v) for one h ~ q(h|v): v [batch, visible] -> [batch].

    Its mean less log Z_top is the variational bound on log p(v); the log of a mean of exponentials is tighter
    (Salakhutdinov & Murray 2008, section 5).
    """
    assert_shapes(v=(v, "batch visible"))
    states = sampled_pass(net.recognition, v, key)
    generated = log_probability(net.generation, states[::-1])
    return generated - net.top.free_energy(states[-1]) - log_probability(net.recognition, states)


def sample(net: DeepBeliefNet, v: jax.Array, key: jax.Array, steps: int) -> jax.Array:
    """Means of visible units [batch, visible]: up from v, of their shape, `steps` Gibbs steps on top, and down."""
    assert_shapes(v=(v, "batch visible"))
    up, around, down = jax.random.split(key, 3)
    top = net.top.gibbs(sampled_pass(net.recognition, v, up)[-1], around, steps)
    if not net.generation:
        return top
    x = sampled_pass(net.generation[:-1], top, down)[-1]
    kernel, bias = net.generation[-1]
    return nn.sigmoid(x @ kernel + bias)
