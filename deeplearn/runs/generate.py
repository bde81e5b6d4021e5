"""Pictures that a run's generator makes: a folder of them, or a walk through its noise."""

from __future__ import annotations

import argparse
import functools
import inspect
import io
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from deeplearn.data.described import DataNeeded
from deeplearn.errors import UserError
from deeplearn.figures.grid import image_grid
from deeplearn.runs.export import writing
from deeplearn.runs.run import Run
from deeplearn.train.evaluation import as_png

BLOCK = 50  # pictures made at once
LEG, LEG_ROW = 16, 10  # pictures from one stop of a walk to the next, in a GIF and in a row
GIF_SIDE, GIF_DELAY = 256, 80  # pixels that a GIF has at least, and milliseconds that a picture of it is shown
# What may be asked of a generator that can be asked for it.
OPTIONS = {
    "text": (str, "what is to be seen, such as the name of a class"),
    "truncation": (float, "how far styles are from their mean, as a multiple of what they were trained at"),
    "guidance": (float, "how far pictures are pushed towards what is asked for; 0: not at all"),
    "temperature": (float, "of codes that are drawn one by one; 0: the most probable"),
    "candidates": (int, "pictures that are drawn, of which those nearest to the text are kept"),
}


def may_be_asked(flags: argparse.ArgumentParser, without: Sequence[str] = ()) -> None:
    """Adds the flags of OPTIONS, but for those `without`."""
    for option, (kind, what) in OPTIONS.items():
        if option not in without:
            flags.add_argument(f"--{option}", type=kind, help=what)


def asked_of(chosen: argparse.Namespace, without: Sequence[str] = ()) -> dict[str, Any]:
    """Those of the options that were given, but for those `without`; UserError for a number that is none."""
    given = {name: getattr(chosen, name) for name in OPTIONS if name not in without}
    asked = {name: value for name, value in given.items() if value is not None}
    for name, value in asked.items():
        if isinstance(value, float) and not (math.isfinite(value) and value >= 0):
            raise UserError(f"--{name}={value} should be a number, 0 or more, such as 0.7")
    return asked


def _made(
    run: Run, hook: Callable[..., np.ndarray], seed: int, block: int, *numbers: int, **asked: Any
) -> np.ndarray:
    """What the hook makes; UserError for an option that it does not take."""
    if unknown := [name for name in asked if name not in inspect.signature(hook).parameters]:
        raise UserError(f"{run.name} takes no --{unknown[0]}: its generator is not asked for that")
    trained = run.trained.folded(seed).folded(block)
    try:
        return hook(trained, run.described, *numbers, **asked)
    except DataNeeded:
        return hook(trained, run.dataset(), *numbers, **asked)


def images(run: Run, folder: Path, count: int, seed: int, **asked: Any) -> None:
    """`count` pictures of the run's generator in a new folder, named by their numbers.

    UserError for an experiment without a generator of images, for what it cannot be asked, and where the folder is
    there.
    """
    if run.experiment.images is None:
        raise UserError(f"{run.name} makes no images by this command")
    if count < 1 or seed < 0:
        raise UserError("--count should be at least 1, and --seed at least 0")
    if folder.exists():
        raise UserError(f"--folder={folder} is there already: name a new one")
    for start in range(0, count, BLOCK):
        made = _made(run, run.experiment.images, seed, start, min(BLOCK, count), **asked)
        if not start:
            writing(folder, lambda: folder.mkdir(parents=True), "folder")
        for number, image in enumerate(made[: count - start], start):
            file = folder / f"{number:0{len(str(count - 1))}}.png"
            png = as_png(image_grid(image[None], scale=1, pad=0))
            writing(file, functools.partial(file.write_bytes, png), "folder")


def interpolate(run: Run, stops: int, seed: int, suffix: str, **asked: Any) -> bytes:
    """A walk through the noise of the run's generator as a file of that suffix, .gif or .png.

    UserError for an experiment without such a generator, and for what it cannot be asked.
    """
    if run.experiment.walk is None:
        raise UserError(f"{run.name} has no noise to walk through: no generator of it makes images from noise")
    if stops < 2 or seed < 0:
        raise UserError("--stops should be at least 2, and --seed at least 0")
    leg = LEG if suffix == ".gif" else LEG_ROW
    made = _made(run, run.experiment.walk, seed, 0, stops, leg, **asked)
    if suffix == ".png":
        return as_png(image_grid(made, columns=leg))
    scale = max(1, -(-GIF_SIDE // max(made.shape[1:3])))
    first, *others = (image_grid(image[None], scale=scale, pad=0) for image in made)
    file = io.BytesIO()
    first.save(file, "GIF", save_all=True, append_images=others, duration=GIF_DELAY, loop=0)
    return file.getvalue()
