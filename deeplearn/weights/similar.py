"""Finds the pictures of a folder that are most like a given one, and draws them.

    python -m deeplearn.weights.similar --weights=runs/representations.image_embeddings --folder=PATH \\
        --image=FILE [--count=8] [--out=similar.png]
    python -m deeplearn.weights.similar --weights=FILE --model=resnet50 --folder=PATH --image=FILE

--weights is a run whose model has a convolutional network (image_embeddings, transfer, cnn, alexnet, …), or a file
of weights of torchvision, timm, Keras or ours, as for `deeplearn.weights.classify`; none come with this package.
Pictures are as alike as the cosine between the features before the network's last layer says: 1 is the most. The
folder is searched with its sub-folders; pictures may have any size, and the network sees the middle of each. One
that cannot be read is left out, in a sentence. Printed are the cosine and the name of each picture found; the sheet
has the given picture first, framed in blue.
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from PIL import Image, ImageOps

from deeplearn.command import execute, parser
from deeplearn.data.files import located
from deeplearn.data.folder import changes
from deeplearn.data.pictures import read_header, read_picture
from deeplearn.data.tree import Tree
from deeplearn.errors import UserError
from deeplearn.figures.grid import image_grid
from deeplearn.figures.retrieved import framed
from deeplearn.metrics.ranking import cosine_matrix
from deeplearn.models.embedder import Embedder
from deeplearn.runs.export import writing
from deeplearn.train.evaluation import as_png
from deeplearn.train.launch import use_compilation_cache
from deeplearn.train.logs import Progress
from deeplearn.weights.load import load_into
from deeplearn.weights.members import abstract_variables
from deeplearn.weights.preprocessing import Preprocessing
from deeplearn.weights.source import source

BLOCK = 32  # pictures that the network sees at once
SHOWN, FRAME, COLUMNS = 180, 4, 5  # pixels a side of a picture in the sheet, of its frame, and pictures in a row
BLUE, WHITE = (0.25, 0.56, 0.85), (1.0, 1.0, 1.0)


class Encoder(NamedTuple):
    """picture: how a file is read. encode: images [N, H, W, C] in [0, 1] -> vectors [N, D]."""

    picture: Preprocessing
    encode: Callable[[np.ndarray], np.ndarray]


class Found(NamedTuple):
    """The pictures most like one and their cosines, highest first; of how many; what is to be said about others."""

    files: list[Path]
    cosines: list[float]
    searched: int
    notes: list[str]


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    flags = parser("deeplearn.weights.similar", __doc__)
    flags.add_argument("--weights", type=Path, required=True, help="a run directory or a file of weights")
    flags.add_argument("--model", default="", help="of a foreign file, the network's name in deeplearn.models.zoo")
    flags.add_argument("--folder", type=Path, required=True, help="the pictures that are searched")
    flags.add_argument("--image", type=Path, required=True, help="the picture that others should be like")
    flags.add_argument("--count", type=int, default=8, help="pictures to find")
    flags.add_argument("--out", type=Path, default=Path("similar.png"), help="the sheet to draw, a PNG")
    return flags.parse_args(arguments)


def check_sheet(chosen: argparse.Namespace) -> None:
    """UserError where --count or --out make no sheet."""
    if chosen.count < 1:
        raise UserError(f"--count={chosen.count} should be at least 1")
    if chosen.out.suffix != ".png":
        raise UserError(f"--out={chosen.out} should end in .png: the sheet is a PNG")


@functools.partial(jax.jit, static_argnums=0)
def _features(model: Embedder, variables: Any, images: jax.Array) -> Any:
    return model.apply(variables, images, method=Embedder.features)


def encoder(weights: Path, model: str = "") -> Encoder:
    """The network of a run or file as an encoder of pictures; UserError where it has none, or not of pictures."""
    if not weights.exists():
        raise UserError(f"--weights={weights} is neither a file nor a run directory")
    found = source(weights, model)
    if found.picture is None:
        raise UserError(f"{weights} was not trained on grey images or such of 3 channels, as pictures are")
    shape = found.picture.height, found.picture.width, len(found.colours[0])
    abstract = {kind: {"body": tree} for kind, tree in abstract_variables(found.net, shape).items()}
    variables = load_into(abstract, weights, found.net, "body", of=found.of)
    network = Embedder(found.net, 0, found.colours, found.blue_first)

    def encode(images: np.ndarray) -> np.ndarray:
        return np.asarray(_features(network, variables, images))

    return Encoder(found.picture, encode)


def pictures_in(folder: Path, image: Path | None = None) -> list[Path]:
    """The pictures of a folder at any depth, without the given one. UserError where there are none."""
    tree = Tree(located(str(folder), "folder", "--folder names the pictures to search"))
    files = list(tree.every_picture())
    others = [
        file for file in files if image is None or not os.path.exists(file) or not os.path.samefile(file, image)
    ]
    if not others:
        what = "no other picture than --image" if files else "; ".join(["no pictures", *tree.notes()])
        raise UserError(f"there are {what} in {folder}: --folder names those to search")
    return others


def most_alike(by: Encoder, files: Sequence[Path], wanted: Path | np.ndarray, count: int) -> Found:
    """The `count` of the files that are most like the one wanted, or all where they are fewer.

    wanted: a picture's file, or a vector [D] in the space of the encoder's. UserError where the picture cannot be
    read, or none of the files.
    """
    size = min(BLOCK, len(files))
    progress = Progress(len(files))

    def vectors(images: list[np.ndarray]) -> np.ndarray:
        """All blocks have one size, or the network would be compiled again for the last."""
        rows = np.stack(images)[np.minimum(np.arange(size), len(images) - 1)]
        return by.encode(rows)[: len(images)]

    found, kept, headers, left = [], [], [], []
    if isinstance(wanted, Path):
        headers.append(read_header(wanted))
        vector = vectors([by.picture.read(wanted)])
    else:
        vector = wanted[None]
    for start in range(0, len(files), size):
        images = []
        for file in files[start : start + size]:
            try:
                images.append(by.picture.read(file))
                headers.append(read_header(file))
                kept.append(file)
            except UserError as error:
                left.append(str(error))
        if images:
            found.append(cosine_matrix(vector, vectors(images))[0])
        progress.update(min(start + size, len(files)), "pictures")
    progress.clear()
    if not found:
        raise UserError(f"none of the {len(files)} pictures in the folder can be read, the first: {left[0]}")
    scores = np.concatenate(found)
    if not np.isfinite(scores).all():
        raise UserError("the network's features of these pictures are not finite: choose other --weights")
    best = np.argsort(-scores, kind="stable")[:count]
    notes = [f"{len(left)} of {len(files)} pictures are left out, the first: {left[0]}"] if left else []
    return Found([kept[row] for row in best], scores[best].tolist(), len(kept), [*notes, *changes(headers)])


def sheet(image: Path | None, found: Found) -> Image.Image:
    """The image, framed in blue, and those found, each whole, with its cosine and the name of its file."""

    def shown(file: Path) -> np.ndarray:
        picture = ImageOps.pad(read_picture(file).convert("RGB"), (SHOWN, SHOWN), color="white")
        return np.asarray(picture, np.float32) / 255

    given = [] if image is None else [image]
    pictures = np.stack([shown(file) for file in (*given, *found.files)])
    colours = np.array([*[BLUE] * len(given), *[WHITE] * len(found.files)])
    names = [f"{cosine:.3f} {file.name}" for cosine, file in zip(found.cosines, found.files, strict=True)]
    columns, captions = min(COLUMNS, len(pictures)), [*(file.name for file in given), *names]
    return image_grid(framed(pictures, colours, FRAME), columns, scale=1, captions=captions)


def main(arguments: Sequence[str]) -> None:
    """The command; UserError for a mistake."""
    chosen = parse(arguments)
    check_sheet(chosen)
    chosen.image, chosen.weights = chosen.image.expanduser(), chosen.weights.expanduser()
    if not chosen.image.is_file():
        raise UserError(f"--image={chosen.image} is no file: name the picture that others should be like")
    files = pictures_in(chosen.folder, chosen.image)
    use_compilation_cache()
    by = encoder(chosen.weights, chosen.model)
    found = most_alike(by, files, chosen.image, chosen.count)
    print(f"{chosen.image}: {by.picture}")
    show(found, chosen.image, chosen.folder, chosen.out)


def show(found: Found, image: Path | None, folder: Path, out: Path) -> None:
    """Prints what was found in the folder, and draws it; what is to be said of other pictures goes to stderr."""
    for note in found.notes:
        print(note, file=sys.stderr)
    picture = sheet(image, found)
    writing(out, lambda: out.write_bytes(as_png(picture)), "out")
    for cosine, file in zip(found.cosines, found.files, strict=True):
        print(f"{cosine:8.4f}  {os.path.relpath(file, folder.expanduser())}")
    print(f"{out}: the {len(found.files)} most alike of {found.searched} pictures")


if __name__ == "__main__":
    execute(main, sys.argv[1:])
