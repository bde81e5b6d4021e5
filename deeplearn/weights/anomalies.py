"""Ranks a user's own images by how anomalous they are to a trained run.

    python -m deeplearn.weights.anomalies --run=runs/autoencoders.anomaly --images=PATH [--output=FILE]

--run is the directory of a run whose model has `anomaly_scores`, such as `experiments.autoencoders.anomaly`. PATH
is a folder of images, searched with its sub-folders, or an .npz file with an array `image` as for `--dataset=npz:`.
Images have the size of those that the run was trained on; where the run cut and resized its own (`folder:PATH@64`),
or with @ here (`--images=PATH@8`), the central square is resized to it. FILE, by default anomalies.csv, has a line
for each image, the most anomalous first: rank, score, file (its path in the folder, or its row in the array). The
first lines are printed. A run with several networks, each trained without one class, takes the mean of their
scores; `--normal` or a data set of one class trains one network.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from deeplearn import runs
from deeplearn.command import execute, parser
from deeplearn.data.folder import read_image
from deeplearn.data.images import split_side
from deeplearn.data.npz import images_in
from deeplearn.data.split import as_float
from deeplearn.data.tree import Tree
from deeplearn.errors import UserError
from deeplearn.train.launch import use_compilation_cache

HEAD = 10  # lines printed
BLOCK = 500  # images in memory at a time

Named = tuple[list[str], np.ndarray]  # names, and images [n, H, W, C] in [0, 1]


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    flags = parser("deeplearn.weights.anomalies", __doc__)
    flags.add_argument("--run", type=Path, required=True, help="the directory of a trained run")
    flags.add_argument("--images", required=True, help="a folder of images, or an .npz file")
    flags.add_argument("--output", type=Path, default=Path("anomalies.csv"), help="the ranked list, as CSV")
    return flags.parse_args(arguments)


def rank(run: Path, images: str) -> list[tuple[float, str]]:
    """(score, name) of each image, the highest score first."""
    found = runs.open(run)
    score: Any = getattr(type(found.model), "anomaly_scores", None)
    if score is None or "image" not in found.described.train.spec:
        raise UserError(f"{run} cannot score images: it should be a run on images whose model has anomaly_scores")
    name = found.described.name
    side = split_side(name)[1] if name.startswith("folder:") else None
    ranked: list[tuple[float, str]] = []
    for names, block in _blocks(images, found.image_shape, side):
        scores = np.asarray(found.trained(score, block)).mean(-1)
        if odd := [name for name, finite in zip(names, np.isfinite(scores), strict=True) if not finite]:
            raise UserError(f"the score of {odd[0]} is not finite, so {run} cannot rank it")
        ranked += zip(scores.tolist(), names, strict=True)
    return sorted(ranked, key=lambda pair: -pair[0])


def _blocks(path: str, shape: tuple[int, int, int], side: int | None) -> Iterator[Named]:
    location, asked = split_side(path)
    root = Path(os.path.expanduser(location))
    if root.is_file():
        yield from _rows(root, shape)
    elif root.is_dir():
        yield from _files(root, shape, asked or side)
    else:
        raise UserError(f"there is no folder or file {root}: check --images")


def _files(root: Path, shape: tuple[int, int, int], side: int | None) -> Iterator[Named]:
    if shape[-1] not in (1, 3):
        raise UserError(f"the run was trained on images of {shape[-1]} channels, which only an array can have")
    files = list(Tree(root).every_picture())
    if not files:
        raise UserError(f"there are no images in {root}: check --images")
    for start in range(0, len(files), BLOCK):
        block = files[start : start + BLOCK]
        pixels = [read_image(file, shape, side) for file in block]
        for file, image in zip(block, pixels, strict=True):
            _check(image.shape, shape, str(file))
        yield [str(file.relative_to(root)) for file in block], as_float(np.stack(pixels), 256)


def _rows(file: Path, shape: tuple[int, int, int]) -> Iterator[Named]:
    if (found := images_in(file)) is None:
        raise UserError(f"{file} holds splits: it needs one array image")
    pixels, levels, notes = found
    for note in notes:
        print(note, file=sys.stderr)
    _check(pixels.shape[1:], shape, f"an image in {file}")
    for start in range(0, len(pixels), BLOCK):
        block = pixels[start : start + BLOCK]
        yield [str(row) for row in range(start, start + len(block))], as_float(block, levels) if levels else block


def _check(found: tuple[int, ...], wanted: tuple[int, int, int], what: str) -> None:
    if found != wanted:
        sizes = ["×".join(map(str, size)) for size in (found, wanted)]
        raise UserError(
            f"{what} has {sizes[0]} values, but the run was trained on images of {sizes[1]}: "
            f"@{wanted[0]} behind a folder's path resizes to squares of {wanted[0]} pixels"
        )


def write(file: Path, ranked: Sequence[tuple[float, str]]) -> None:
    try:
        with file.open("w", newline="", encoding="utf-8", errors="backslashreplace") as out:
            writer = csv.writer(out)
            writer.writerow(["rank", "score", "file"])
            writer.writerows((place, f"{score:.6g}", name) for place, (score, name) in enumerate(ranked, 1))
    except OSError as error:
        raise UserError(f"cannot write --output={file} ({error.strerror})") from None


def main(arguments: Sequence[str]) -> None:
    """The command; UserError for a mistake."""
    chosen = parse(arguments)
    use_compilation_cache()
    ranked = rank(chosen.run, chosen.images)
    write(chosen.output, ranked)
    for place, (score, name) in enumerate(ranked[:HEAD], 1):
        print(f"{place:5d}  {score:10.4g}  {name}")
    print(f"{len(ranked)} images, all of them in {chosen.output}")


if __name__ == "__main__":
    execute(main, sys.argv[1:])
