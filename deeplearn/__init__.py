"""A library of deep learning in JAX and Flax; its experiments are programs."""

import sys

try:
    from deeplearn.command import last_words
    from deeplearn.interruption import INTERRUPTION, asked_to_run
    from deeplearn.terminal import guard
except KeyboardInterrupt:  # in the few milliseconds before the handlers stand
    print("stopped: the same command starts again", file=sys.stderr)
    sys.exit(130)

if asked_to_run("deeplearn", "experiments"):  # importing JAX takes seconds, in which a user may change their mind
    guard()
    INTERRUPTION.begin()
    sys.excepthook = last_words
