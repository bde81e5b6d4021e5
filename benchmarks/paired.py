"""Timing two or more things side by side on a machine that is never quite idle."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping


def interleaved(things: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each thing in each round; rounds go through all of them, so that a slow moment affects all
    equally."""
    for thing in things.values():
        thing()  # compiled, caches warm
    seconds: dict[str, list[float]] = {name: [] for name in things}
    for _ in range(rounds):
        for name, thing in things.items():
            start = time.perf_counter()
            thing()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def ratio(seconds: Mapping[str, list[float]], name: str, reference: str) -> tuple[float, float, float]:
    """Median, minimum and maximum of the rounds' ratios of one thing's time to another's."""
    ratios = [a / b for a, b in zip(seconds[name], seconds[reference], strict=True)]
    return statistics.median(ratios), min(ratios), max(ratios)
