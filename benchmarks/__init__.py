"""Timings against other code: `python -m benchmarks`. Paired rounds after warm-up, medians and ratios."""
