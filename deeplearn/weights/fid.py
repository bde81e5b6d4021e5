"""True FID and KID, on the Inception network's features, between two sets of pictures.

    python -m deeplearn.runs images --run=runs/adversarial.dcgan --folder=made --count=2000
    python -m deeplearn.weights.fid --weights=FILE --images=made --reference=PATH
    python -m deeplearn.weights.fid --weights=FILE --images=made --reference=cifar10

FILE holds Inception-v3 with its weights: pytorch-fid's (the network that published FIDs are of; its number is
theirs if the pictures are), torchvision's or Keras's (whose numbers are comparable with each other only). A set is
a folder, whose pictures are all read, at any depth, or the name of a data set, whose training images are. Printed
are the Fréchet distance (FID), the kernel distance with its standard error (KID), the Inception score of --images,
and the numbers of pictures: the FID of few is too large, so compare equal numbers only.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from deeplearn import data
from deeplearn.command import execute, parser
from deeplearn.data.pictures import SUFFIXES, read_picture
from deeplearn.errors import UserError
from deeplearn.metrics.distances import class_score, frechet, kernel_distance
from deeplearn.train.launch import use_compilation_cache
from deeplearn.weights.inception import read_inception

FEWEST = 3


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    flags = parser("deeplearn.weights.fid", __doc__)
    flags.add_argument("--weights", type=Path, required=True, help="a file with the weights of Inception-v3")
    flags.add_argument("--images", required=True, help="a folder of pictures, or a data set's name")
    flags.add_argument("--reference", required=True, help="the real ones: a folder, or a data set's name")
    flags.add_argument("--count", type=int, default=0, help="pictures of each set at most (0: all)")
    flags.add_argument("--data_dir", default=None, help="where prepared data sets are kept")
    return flags.parse_args(arguments)


def pictures(name: str, count: int, data_dir: str | None) -> Iterator[np.ndarray]:
    """Each picture of a folder or data set, [H, W, 1 or 3] in [0, 1]; at most `count` unless it is 0."""
    if (folder := Path(name).expanduser()).is_dir():
        files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES)
        for row in np.random.default_rng(0).permutation(len(files))[: count or None]:  # folders may be classes
            file = files[row]
            pixels = np.asarray(read_picture(file), np.float32) / 255
            yield pixels[..., None] if pixels.ndim == 2 else pixels
        return
    dataset = data.load(name, data_dir)
    dataset.need_images("FIDs are of pictures")
    rows = np.random.default_rng(0).permutation(len(dataset.train))[: count or None]
    for row in rows:
        image = dataset.train.gather(np.array([row]))["image"][0]
        if image.shape[-1] not in (1, 3):
            raise UserError(f"{name} has images of {image.shape[-1]} channels: Inception sees grey ones or colours")
        yield image


def measure(weights: Path, images: str, reference: str, count: int = 0, data_dir: str | None = None) -> str:
    """What the command prints. UserError where a set has fewer than three pictures."""
    if count < 0:
        raise UserError("--count should be at least 1, or 0 for all")
    inception = read_inception(weights)
    features, probabilities = [], []
    for name in (images, reference):
        found = pictures(name, count, data_dir)  # one at a time: a set may be larger than memory
        if len(first := list(itertools.islice(found, FEWEST))) < FEWEST:
            raise UserError(f"{name} has {len(first)} pictures: distances need {FEWEST} of each set")
        seen, classes = inception(itertools.chain(first, found))
        features.append(seen)
        probabilities.append(classes)
    distance, error = kernel_distance(features[1], features[0])
    own = "" if inception.published else " (not the network of published FIDs: comparable with itself only)"
    return "\n".join(
        [
            f"FID {frechet(features[1], features[0]):.4f}{own}",
            f"KID {distance:.6f} ± {error:.6f}",
            f"Inception score of {images}: {class_score(probabilities[0]):.3f}",
            f"{len(features[0])} pictures of {images}, {len(features[1])} of {reference}",
        ]
    )


def main(arguments: Sequence[str]) -> None:
    """The command; UserError for a mistake."""
    chosen = parse(arguments)
    use_compilation_cache()
    print(measure(chosen.weights, chosen.images, chosen.reference, chosen.count, chosen.data_dir))


if __name__ == "__main__":
    execute(main, sys.argv[1:])
