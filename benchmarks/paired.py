"""Timing two or more things side by side on a machine that is never quite idle."""

from __future__ import annotations

import importlib.util
import os
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


def against_torch(
    what: str,
    cases: Mapping[str, tuple[int, float]],
    ours: Callable[[str], Callable[[], object]],
    torchs: Callable[[str], Callable[[], object]],
    rounds: int,
) -> None:
    """Prints milliseconds a step and ratios on one core, ours beside torch's; a second torch shows the noise.

    cases: {name: (steps a call takes, the maximum ratio that the project allows)}. ours, torchs: of a name.
    """
    if importlib.util.find_spec("torch") is None:
        print(f"{what} against torch: skipped, since torch is not here; `pip install torch` and run it again")
        return
    if not hasattr(os, "sched_setaffinity"):
        print(f"{what} against torch: skipped, since this system cannot bind a process to a core")
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(cores)[:1])
    print(f"{what} against torch, one thread, {rounds} rounds interleaved: milliseconds a step, ratios to torch")
    for name, (steps, wanted) in cases.items():
        seconds = interleaved({"torch": torchs(name), "again": torchs(name), "ours": ours(name)}, rounds)
        milliseconds = {key: 1e3 * statistics.median(values) / steps for key, values in seconds.items()}
        (control, *_), (median, low, high) = (ratio(seconds, key, "torch") for key in ("again", "ours"))
        print(
            f"  {name:20s} torch {milliseconds['torch']:8.2f}   ours {milliseconds['ours']:8.2f}   "
            f"ratio {median:.2f} ({low:.2f} to {high:.2f}; wanted {wanted}; torch to itself {control:.2f})",
            flush=True,
        )
    os.sched_setaffinity(0, cores)
