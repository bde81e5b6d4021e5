"""Classifies a picture with any weights: another library's, our own file, or a run directory.

    python -m deeplearn.weights.classify --weights=FILE --model=resnet50 --image=photo.jpg [--classes=FILE]

FILE comes from torchvision, timm or Keras applications (safetensors, .pth, .h5, .weights.h5, .keras), or was
written by `deeplearn.weights.save`; then --model is not needed. A run directory of an experiment that classifies
images works too, as in --weights=runs/foundations.mlp. The command prints the five most probable classes and how
the image was prepared. No weights come with this package and none are fetched. The file of --classes has a name in
each line, in the order in which the network was trained; without it classes are numbered.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np

from deeplearn import runs
from deeplearn.command import execute, parser
from deeplearn.errors import UserError
from deeplearn.train.launch import use_compilation_cache
from deeplearn.weights.load import load, probabilities
from deeplearn.weights.preprocessing import Preprocessing

SHOWN = 5  # classes


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    flags = parser("deeplearn.weights.classify", __doc__)
    flags.add_argument("--weights", type=Path, required=True, help="a file of weights or a run directory")
    flags.add_argument("--image", type=Path, required=True, help="the picture, in any format that Pillow reads")
    flags.add_argument("--model", default="", help="the network's name in deeplearn.models.zoo, as in resnet50")
    flags.add_argument("--classes", type=Path, help="a text file with the name of a class in each line")
    return flags.parse_args(arguments)


def classify(weights: Path, image: Path, model: str = "", names: Path | None = None) -> str:
    """What the command prints: how the image was prepared, and a line for each of the most probable classes."""
    if weights.is_dir():
        predicted, classes, preprocessing = _by_run(weights, image)
    else:
        variables, config = load(weights, model)
        classes, preprocessing = config.classes, config.preprocessing
        predicted = probabilities(variables, config, preprocessing.read(image)[None])[0]
    if names is not None:
        classes = _names(names, len(predicted))
    best = np.argsort(-predicted, kind="stable")[:SHOWN]
    lines = [f"{predicted[index]:8.2%}  {classes[index]}" for index in best]
    return "\n".join([f"{image}: {preprocessing}", *lines])


def _names(file: Path, count: int) -> tuple[str, ...]:
    try:
        names = tuple(file.read_text().splitlines())
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read --classes={file} ({error})") from None
    if len(names) != count:
        raise UserError(f"--classes={file} has {len(names)} lines, but the network has {count} classes")
    return names


def _by_run(directory: Path, image: Path) -> tuple[np.ndarray, tuple[str, ...], Preprocessing]:
    """Probabilities, class names and preprocessing from a run directory."""
    run = runs.open(directory)
    if "image" not in run.described.train.spec or not run.classes:
        raise UserError(f"{directory} was not trained on labelled images, so it cannot classify one")
    height, width, channels = run.image_shape
    preprocessing = Preprocessing(height, width, max(height, width), (0.0,) * channels, (1.0,) * channels)
    try:
        logits = np.asarray(run.trained(type(run.model).__call__, preprocessing.read(image)[None]))
    except (TypeError, AttributeError, ValueError):
        logits = np.zeros(())
    if logits.shape != (1, len(run.classes)):
        raise UserError(f"the model of {directory} does not map an image to one score per class")
    return np.asarray(jax.nn.softmax(logits[0])), run.classes, preprocessing


def main(arguments: Sequence[str]) -> None:
    """The command; UserError for a mistake."""
    chosen = parse(arguments)
    use_compilation_cache()
    print(classify(chosen.weights, chosen.image, chosen.model, chosen.classes))


if __name__ == "__main__":
    execute(main, sys.argv[1:])
