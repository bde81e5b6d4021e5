"""Many networks of one kind as one batched computation, for sweeps over hyper-parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.nn.checks import assert_shapes


class Population(nn.Module):
    """`size` networks, each with its own initial weights and random numbers. x [batch, ...] -> [size, batch, ...].

    Every parameter has a leading axis of members. Train on the *sum* of the members' losses
    (`deeplearn.losses.population`): then each member's gradient is that of its own loss alone. Give each its own
    learning rate with `deeplearn.optim.members.per_member`.

    make: a function without arguments that makes one network, e.g. partial(MLP, (64,), 10).
    settings: a number for each member, the second argument of its network; none where it takes no such argument.
    """

    make: Callable[[], nn.Module]
    size: int
    settings: tuple[float, ...] = ()

    @nn.compact
    def __call__(self, x: jax.Array, own_inputs: bool = False, **static: Any) -> Any:
        """own_inputs: x is [size, batch, ...], an input for each member, instead of one for all.

        static: further arguments, constants that are equal for all networks.
        """
        each = (jnp.asarray(self.settings, jnp.float32),) if self.settings else ()
        members = str(self.size)
        assert_shapes(x=(x, f"{members} batch ..." if own_inputs else "batch ..."))
        assert_shapes(**{f"settings[{i}]": (setting, members) for i, setting in enumerate(each)})
        call = nn.vmap(
            lambda network, x, *each: network(x, *each, **static),
            in_axes=(0 if own_inputs else None, *[0] * len(each)),
            axis_size=self.size,
            variable_axes={"params": 0, "batch_stats": 0},
            split_rngs={"params": True},  # Flax derives every random stream from this one
        )
        return call(self.make(), x, *each)
