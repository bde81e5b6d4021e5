"""Ways in which training goes wrong that a metric shows, said in one line when they happen."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np

LASTING = 3  # readings in a row: one alone may be noise


@dataclasses.dataclass(frozen=True)
class Alarm:
    """A metric that lies below or above a bound, and what that means.

    metric: as the loss names it, without its turn; it counts wherever a turn or a rival has it.
    """

    metric: str
    meaning: str
    below: float = -math.inf
    above: float = math.inf

    def holds(self, value: float) -> bool:
        return value < self.below or value > self.above

    @property
    def bound(self) -> str:
        return f"above {self.above:g}" if self.above < math.inf else f"below {self.below:g}"


class Watch:
    """Says an alarm when it has held in three readings in a row; again only after it has ceased to hold."""

    def __init__(self, alarms: Sequence[Alarm], seed: int) -> None:
        self.alarms, self.seed = alarms, seed
        self.held: dict[tuple[Alarm, str, int], int] = {}

    def sentences(self, step: int, values: Mapping[str, np.ndarray]) -> list[str]:
        """What is to be said of a reading: {metric: [replicas]}."""
        said = []
        for name, numbers in values.items():
            turn, _, metric = name.rpartition("/")
            for alarm in self.alarms:
                if alarm.metric != metric:
                    continue
                for replica, value in enumerate(np.atleast_1d(numbers)):
                    key = (alarm, name, replica)
                    self.held[key] = self.held.get(key, 0) + 1 if alarm.holds(float(value)) else 0
                    if self.held[key] == LASTING:
                        where = f"step {step}, seed {self.seed + replica}" + (f", {turn}" if turn else "")
                        said.append(f"{where}: {alarm.meaning} ({metric} {value:.3g}, {alarm.bound})")
        return said
