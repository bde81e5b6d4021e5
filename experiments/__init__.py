"""The experiments, one file each: `python -m experiments` lists them."""

import deeplearn  # noqa: F401 - the first import of every experiment: from here on Ctrl-C is obeyed
