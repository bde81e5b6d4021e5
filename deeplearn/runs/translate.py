"""A folder of a user's pictures, translated by a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from deeplearn.data.described import DataNeeded
from deeplearn.data.files import located
from deeplearn.data.folder import as_example
from deeplearn.data.tree import Tree
from deeplearn.errors import UserError, reason
from deeplearn.runs.run import Run
from deeplearn.train.evaluation import as_png

BLOCK = 100  # pictures that are translated at once


def translate(run: Run, folder: Path, out: Path, seed: int = 0) -> int:
    """Writes each picture of `folder`, at any depth, translated, as a PNG of the same name to `out`; how many.

    Squares are cut out and resized where the run was trained on squares. UserError for an experiment that
    translates no pictures, and for a folder without pictures or with one that cannot be read: then nothing is
    written.
    """
    if run.experiment.translate is None:
        raise UserError(f"{run.name} translates no pictures: it has no source and target")
    if seed < 0:
        raise UserError("--seed should be at least 0")
    source = located(str(folder), "folder", "--folder names the pictures to translate")
    files = list(Tree(source).every_picture())
    if not files:
        raise UserError(f"there are no pictures in {folder}: --folder names those to translate")
    targets = [out / file.relative_to(source).with_suffix(".png") for file in files]
    if len({*targets}) < len(targets):
        raise UserError(f"two pictures in {folder} differ in their suffixes alone: rename one")
    if any(target.resolve() == file.resolve() for target, file in zip(targets, files, strict=True)):
        raise UserError(f"--out={out} is the folder of the pictures themselves: choose another")
    shape = run.described.train.spec["source"].shape
    images = [as_example(file, shape) for file in files]
    for start in range(0, len(files), BLOCK):
        made = _translated(run, images[start : start + BLOCK], seed)
        for target, picture in zip(targets[start:], made, strict=False):
            _write(target, picture)
    return len(files)


def _translated(run: Run, images: list[np.ndarray], seed: int) -> np.ndarray:
    assert run.experiment.translate is not None
    trained = run.trained.folded(seed) if seed else run.trained
    try:
        return run.experiment.translate(trained, run.described, np.stack(images))
    except DataNeeded:
        return run.experiment.translate(trained, run.dataset(), np.stack(images))


def _write(file: Path, image: np.ndarray) -> None:
    pixels = np.rint(255 * np.clip(image, 0, 1)).astype(np.uint8)
    picture = as_png(Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(picture)
    except OSError as error:
        raise UserError(f"cannot write {file} ({reason(error)}): choose another --out") from None
