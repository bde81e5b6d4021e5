"""Fine-tuning a deep belief net by the up-down algorithm (Hinton, Osindero & Teh 2006, section 5 and appendix B).

Up: states sampled upwards from the data train the generative layers to reconstruct each layer from the one above.
The top machine is trained by contrastive divergence from there. Down: states generated downwards from the end of
its chain train the recognition layers. Every sampled state is a constant, so the gradient of the sum is that of all
three rules.
"""

from __future__ import annotations

from typing import Any

import jax

from deeplearn.losses.contrastive_divergence import Metrics, free_energy_gap
from deeplearn.nn.checks import assert_shapes
from deeplearn.nn.sigmoid_belief import log_probability, sampled_pass


def up_down(net: Any, v: jax.Array, key: jax.Array, steps: int) -> tuple[jax.Array, Metrics]:
    """net: a `models.deep_belief_net.DeepBeliefNet`; v [batch, visible] in {0, 1}; steps: k of the divergence."""
    assert_shapes(v=(v, "batch visible"))
    up, around, down = jax.random.split(key, 3)
    awake = sampled_pass(net.recognition, v, up)
    wake = -log_probability(net.generation, awake[::-1]).mean()
    end = net.top.gibbs(awake[-1], around, steps)
    gap, metrics = free_energy_gap(net.top, awake[-1], end)
    asleep = sampled_pass(net.generation, end, down)
    sleep = -log_probability(net.recognition, asleep[::-1]).mean()
    return wake + gap + sleep, {**metrics, "wake": wake, "sleep": sleep}
