"""Pictures of a text, by a run."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from deeplearn.data.described import DataNeeded
from deeplearn.errors import UserError
from deeplearn.figures.captioned import captioned
from deeplearn.runs import Run

MOST = 100  # pictures at once

Watch = Callable[[np.ndarray], None]


def need_text(run: Run) -> set[str]:
    """What the run may be asked for beside a text; UserError where it makes no pictures from texts."""
    hook = run.experiment.images
    taken = set() if hook is None else set(inspect.signature(hook).parameters)
    if "text" not in taken:
        raise UserError(
            f"{run.name} makes no pictures from texts: name a run of text_to_image.dalle, .dalle2 or .imagen"
        )
    return taken


def drawn(run: Run, text: str, count: int, seed: int, watch: Watch | None = None, **asked: Any) -> np.ndarray:
    """`count` pictures [count, height, width, channels] in [0, 1] of the text.

    asked: what the run's generator may be asked for besides, such as guidance. watch: is called with the pictures
    as they come to be, where the generator shows them. UserError for a run that makes no pictures from texts, for
    what it cannot be asked, and for a text that it cannot read.
    """
    taken = need_text(run)
    if not 1 <= count <= MOST or not 0 <= seed < 2**32:
        raise UserError(f"--count should be from 1 to {MOST}, and --seed from 0 to 2³² − 1")
    if not text.strip():
        raise UserError("the text is empty: say what is to be seen")
    if unknown := [name for name in asked if name not in taken]:
        raise UserError(f"{run.name} takes no --{unknown[0]}: its generator is not asked for that")
    if watch is not None and "watch" in taken:
        asked["watch"] = watch
    trained, hook = run.trained.folded(seed), run.experiment.images
    assert hook is not None
    try:
        return hook(trained, run.described, count, text=text, **asked)
    except DataNeeded:
        return hook(trained, run.dataset(), count, text=text, **asked)


def sheet(run: Run, text: str, images: np.ndarray) -> Image.Image:
    """The pictures in a square, with the text and whose pictures they were learnt from below them."""
    columns = int(np.ceil(np.sqrt(len(images))))
    credit = run.described.about.get("credit", "")
    below = f"{text} (learnt from: {credit})" if credit else text
    return captioned(images, [""] * len(images), columns, credit=below)
