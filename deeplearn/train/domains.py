"""The flags of experiments with a source and a target."""

from __future__ import annotations

import dataclasses

from deeplearn.data.names import absolute
from deeplearn.errors import UserError
from deeplearn.train.config import flag
from deeplearn.train.optimizer_config import OptimizerConfig


@dataclasses.dataclass(frozen=True)
class DomainConfig(OptimizerConfig):
    """`--source=A --target=B` is `--dataset=domains:A,B`. The optimiser is that of Ganin & Lempitsky 2015."""

    dataset: str = "domains:domains/type,digits"
    source: str = flag("", "data set with labels; with --target it takes the place of --dataset")
    target: str = flag("", "data set of the same classes, whose labels only the test and a system named for it see")
    optimizer: str = "momentum"
    learning_rate: float = 0.03
    schedule: str = "inverse_power"

    def __post_init__(self) -> None:
        if bool(self.source) != bool(self.target):
            raise UserError("--source and --target go together: give both, or neither")
        for side in ("source", "target"):
            if "," in (name := getattr(self, side)):
                raise UserError(
                    f"--{side}={name} has a comma, which stands between source and target: rename the folder"
                )
        if self.source:
            object.__setattr__(self, "dataset", f"domains:{absolute(self.source)},{absolute(self.target)}")
