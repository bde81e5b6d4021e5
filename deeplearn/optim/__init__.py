"""Optimisers, schedules and penalties by their field names, with torch's conventions, as optax chains."""

from deeplearn.optim.optimizers import OPTIMIZERS, optimizer
from deeplearn.optim.schedules import SCHEDULES, schedule

__all__ = ["OPTIMIZERS", "SCHEDULES", "optimizer", "schedule"]
