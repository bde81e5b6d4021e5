"""Flags, a stage and claims of experiments on how much pretraining helps where labels are few."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import optax

from deeplearn.data.split import Split
from deeplearn.measured import OURS
from deeplearn.train.config import flag
from deeplearn.train.experiment import Claim, Loss, Stage, Turn
from deeplearn.train.optimizer_config import OptimizerConfig


@dataclasses.dataclass(frozen=True)
class FewLabelConfig(OptimizerConfig):
    """The flags of an experiment that fine-tunes pretrained networks on few labels."""

    labels: tuple[int, ...] = flag(
        (1, 5, 10, 50), "labels per class (or all, if there are fewer), each a comparison of its own", min=1
    )
    tuning_steps: int = flag(300, "steps of fine-tuning with few labels", min=1)
    tuning_rate: float = flag(1e-3, "maximum learning rate of fine-tuning", min=0)
    scratch_rate: float = flag(1e-3, "the same of the rival that starts from scratch", min=0)


def few_label_stage(
    loss: Loss,
    pool: Split,
    chain: optax.GradientTransformation,
    steps: int,
    *trains: str,
    name: str = "fine-tuning",
    start: Callable[[Any], Any] | None = None,
) -> Stage:
    """A stage of one turn whose batch is the whole pool (`data.pool.few_label_pool`).

    loss: such as `losses.few_labels.few_label_loss`. trains: names of networks; if empty, all of the system's.
    start: as `Stage.start`.
    """
    turn = Turn(loss, trains=trains)
    return Stage([turn], chain, steps, name, data=pool, batch_size=len(pool), start=start)


def few_label_claims(counts: Sequence[int], *pairs: tuple[str, str], ours: str = "pretrained") -> list[Claim]:
    """For each pair of rows (better, than) and each number of labels per class, that `accuracy_n` is higher."""
    return [
        Claim(
            f"{ours if better == OURS else better} beats {than} at {count} label{'s' * (count > 1)} a class",
            better,
            than,
            f"accuracy_{count}",
        )
        for better, than in pairs
        for count in counts
    ]
