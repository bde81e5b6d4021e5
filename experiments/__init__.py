"""The experiments, a page or two each: `python -m experiments` lists them."""
