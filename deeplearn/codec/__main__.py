"""Compresses images without loss with a trained VAE, and gives them back bit for bit.

    python -m deeplearn.codec compress --run=runs/autoencoders.compression --data=digits:test --file=digits.bb
    python -m deeplearn.codec decompress --run=runs/autoencoders.compression --file=digits.bb --output=digits.npz

The run is one of autoencoders.compression, or of autoencoders.vae with --likelihood=logistic. Its weights (of the
first replica) are needed again to decompress: they are not in the file. Images must be of the size and have the
grey levels of those it was trained on; to compress your own, train on your own (--dataset=npz:PATH or folder:PATH).

--data is the name of a data set, whose splits are taken one after another, or name:split for one of train,
validation, test; of an npz file with an array `image` all images are taken, in their order. The array `image` in
the output holds levels, uint8 [N, height, width, channels], and `levels` their number, so that the output is itself
a data set (npz:PATH) of the same images. Labels and names of files are not kept.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from deeplearn import data, runs
from deeplearn.codec.file import compress, decompress, read_header
from deeplearn.command import execute, parser
from deeplearn.data.npz import images_in
from deeplearn.errors import UserError
from deeplearn.losses.likelihoods import Logistic
from deeplearn.train.launch import use_compilation_cache
from deeplearn.train.trained import Trained

SPLITS = ("train", "validation", "test")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    flags = parser("deeplearn.codec", __doc__)
    commands = flags.add_subparsers(dest="command", required=True, metavar="compress|decompress")
    for name in ("compress", "decompress"):
        command = commands.add_parser(name, allow_abbrev=False)
        command.add_argument("--run", type=Path, required=True, help="the run directory of a trained VAE")
        command.add_argument("--file", type=Path, required=True, help="the compressed file")
    commands.choices["compress"].add_argument("--data", required=True, help="digits:test, npz:PATH, folder:PATH …")
    commands.choices["decompress"].add_argument("--output", type=Path, required=True, help="an .npz file")
    return flags.parse_args(arguments)


def levels_of(image: np.ndarray, levels: int | None, name: str) -> np.ndarray:
    """Images in [0, 1] as levels, uint8; UserError where that would lose anything."""
    if levels is None or levels > 256:
        raise UserError(f"{name} has no grey levels: lossless coding needs some, so store images as uint8")
    found = np.rint(image * (levels - 1))
    if not np.allclose(found, image * (levels - 1), atol=1e-3):
        raise UserError(f"{name} has values between its {levels} grey levels, which would be lost")
    return found.astype(np.uint8)


def read_images(name: str) -> tuple[np.ndarray, int]:
    """The images that --data names as levels, uint8 [N, H, W, C], and how many levels there are."""
    base, _, split = name.rpartition(":")
    chosen = (split,) if base and split in SPLITS else SPLITS
    base = base if len(chosen) == 1 else name
    dataset = data.load(base)
    if "image" not in dataset.train.spec:
        raise UserError(f"--data={name} has no images")
    if len(chosen) > 1 and base.startswith("npz:") and dataset.levels is not None:
        found = images_in(Path(os.path.expanduser(base.removeprefix("npz:"))))
        if found is not None:
            pixels, levels, notes = found
            for note in notes:  # as that 16 bits are scaled to 8: only what comes of that is coded without loss
                print(note, file=sys.stderr)
            return pixels, levels or 0
    images = [getattr(dataset, one).arrays()["image"] for one in chosen]
    return levels_of(np.concatenate(images), dataset.levels, name), dataset.levels or 0


def need_levels(trained: Trained, directory: Path) -> None:
    if not isinstance(getattr(trained.model, "likelihood", None), Logistic):
        raise UserError(
            f"{directory} holds no VAE that gives grey levels their probabilities: train one with "
            "python -m experiments.autoencoders.compression"
        )


def run(chosen: argparse.Namespace) -> str:
    """What the command prints."""
    if chosen.command == "compress":
        trained = runs.open(chosen.run).trained
        need_levels(trained, chosen.run)
        images, levels = read_images(chosen.data)
        if levels != trained.model.likelihood.levels:
            raise UserError(
                f"--data={chosen.data} has {levels} grey levels, and {chosen.run} was trained on images with "
                f"{trained.model.likelihood.levels}"
            )
        contents = compress(trained, images).contents
        _write(chosen.file, contents)
        size, rate = "×".join(map(str, images.shape)), 8 * len(contents) / images.size
        return f"{chosen.file}: {size} pixels in {len(contents)} bytes, {rate:.4f} bits per dimension"
    try:
        if chosen.file.exists() and not chosen.file.is_file():  # a pipe would be waited for
            raise UserError(f"cannot read --file={chosen.file} (it is not a file)")
        contents = chosen.file.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read --file={chosen.file} ({error.strerror})") from None
    header = read_header(contents, str(chosen.file))
    images = decompress(runs.open(chosen.run).trained, contents, str(chosen.file))
    try:
        with chosen.output.open("wb") as file:
            np.savez_compressed(file, image=images, levels=header.levels)
    except OSError as error:
        raise UserError(f"cannot write --output={chosen.output} ({error.strerror})") from None
    return f"{chosen.output}: image {images.shape}, levels 0 to {header.levels - 1}"


def _write(file: Path, contents: bytes) -> None:
    try:
        file.write_bytes(contents)
    except OSError as error:
        raise UserError(f"cannot write --file={file} ({error.strerror})") from None


def main(arguments: Sequence[str]) -> None:
    """The command; UserError for a mistake."""
    chosen = parse(arguments)
    use_compilation_cache()
    print(run(chosen))


if __name__ == "__main__":
    execute(main, sys.argv[1:])
