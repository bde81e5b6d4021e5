"""What is timed, and against what: `python -m benchmarks`. Paired rounds after warm-up, medians and ratios."""
