"""Networks that are compared: side by side under one root, on the same budget, each trained by its own turn."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import flax.linen as nn
from flax.core import FrozenDict

from deeplearn.train.experiment import Turn


class Rivals(nn.Module):
    """A root that holds a network for each name; `rivals[name]` is the bound network.

    makers: {name: function without arguments that makes the network}, e.g. {"tanh": partial(MLP, (128,), 10)}.
        A name is an identifier: it becomes an attribute, and the key of the network's parameters.
    """

    makers: Mapping[str, Callable[[], nn.Module]]

    def __post_init__(self) -> None:
        # A model is a constant of compiled functions, so it must be hashable.
        self.makers = FrozenDict(self.makers)
        super().__post_init__()

    def setup(self) -> None:
        for name, make in self.makers.items():
            setattr(self, name, make())

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)


def rival_turns(loss: Callable[..., Any], names: Iterable[str]) -> list[Turn]:
    """For each network a turn on `loss(model, batch, network=its name)`; its metrics are filed under that name."""
    return [Turn(functools.partial(loss, network=name), trains=(name,), called=name) for name in names]
