"""A library of deep learning in JAX and Flax; its experiments are programs."""

from deeplearn.interruption import INTERRUPTION, asked_to_run
from deeplearn.terminal import guard

if asked_to_run("deeplearn", "experiments"):  # importing JAX takes seconds, in which a user may change their mind
    guard()
    INTERRUPTION.begin()
