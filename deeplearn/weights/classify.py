"""Classifies a picture with any weights: another library's, our own file, or a run directory.

    python -m deeplearn.weights.classify --weights=FILE --model=resnet50 --image=photo.jpg [--classes=FILE]

FILE comes from torchvision, timm or Keras applications (safetensors, .pth, .h5, .weights.h5, .keras), or was
written by `deeplearn.weights.save`; then --model is not needed. A run directory of an experiment that classifies
images works too, as in --weights=runs/foundations.mlp. The command prints the five most probable classes and how
the image was prepared: as the library usually does, or as timm's config.json beside the file says; where weights
were trained otherwise, --resize, --crop and --interpolation say so (torchvision's second weights: --resize=232). No
weights come with this package and none are fetched. The file of --classes has a name in each line, in the order in
which the network was trained; without it classes are numbered.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from deeplearn import runs
from deeplearn.command import execute, parser
from deeplearn.errors import UserError, brief
from deeplearn.train.launch import use_compilation_cache
from deeplearn.weights.load import load, probabilities, sees
from deeplearn.weights.preprocessing import INTERPOLATIONS, Preprocessing, as_they_are
from deeplearn.weights.saved import Config

SHOWN = 5  # classes


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    flags = parser("deeplearn.weights.classify", __doc__)
    flags.add_argument("--weights", type=Path, required=True, help="a file of weights or a run directory")
    flags.add_argument("--image", type=Path, required=True, help="the picture, in any format that Pillow reads")
    flags.add_argument("--model", default="", help="the network's name in deeplearn.models.zoo, as in resnet50")
    flags.add_argument("--classes", type=Path, help="a text file with the name of a class in each line")
    flags.add_argument("--resize", type=int, help="pixels that the shorter side is resized to")
    flags.add_argument("--crop", type=int, help="pixels a side of the central square that is seen")
    flags.add_argument("--interpolation", choices=INTERPOLATIONS, help="how it is resized")
    return flags.parse_args(arguments)


def classify(
    weights: Path, image: Path, model: str = "", names: Path | None = None, **otherwise: int | str | None
) -> str:
    """What the command prints: how the image was prepared, and a line for each of the most probable classes.

    otherwise: resize, crop or interpolation, where the file's own are not wanted.
    """
    asked = {name: value for name, value in otherwise.items() if value is not None}
    if weights.is_dir():
        if asked:
            raise UserError(f"--{next(iter(asked))} is for files: a run sees images as it was trained on them")
        predicted, classes, preprocessing = _by_run(weights, image)
    else:
        variables, config = load(weights, model)
        classes, preprocessing = config.classes, _adjusted(config, asked)
        predicted = probabilities(variables, config, preprocessing.read(image)[None])[0]
    if not np.isfinite(predicted).all():
        raise UserError(f"the network in {weights} gives no probabilities for {image}: its outputs are not finite")
    if names is not None:
        classes = _names(names, len(predicted))
    best = np.argsort(-predicted, kind="stable")[:SHOWN]
    lines = [f"{predicted[index]:8.2%}  {classes[index]}" for index in best]
    return "\n".join([f"{image}: {preprocessing}", *lines])


def _adjusted(config: Config, asked: dict[str, Any]) -> Preprocessing:
    sides = dict.fromkeys(("height", "width"), asked["crop"]) if "crop" in asked else {}
    others = {name: value for name, value in asked.items() if name != "crop"}
    try:
        preprocessing = dataclasses.replace(config.preprocessing, **sides, **others)
    except ValueError as error:
        raise UserError(f"no image can be prepared so: {error}") from None
    shape = (preprocessing.height, preprocessing.width, len(preprocessing.mean))
    if sides and not sees(config, shape):
        raise UserError(f"--crop={asked['crop']} is not a size of images that this network can see")
    return preprocessing


def _names(file: Path, count: int) -> tuple[str, ...]:
    try:
        if file.exists() and not file.is_file():  # a pipe would be waited for
            raise UserError(f"cannot read --classes={file} (it is not a file)")
        names = tuple(file.read_text(encoding="utf-8").splitlines())
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
    if channels not in (1, 3):
        raise UserError(f"{directory} was trained on images of {channels} channels, and a picture is grey or has 3")
    preprocessing = as_they_are(height, width, channels)
    images, call = preprocessing.read(image)[None], type(run.model).__call__
    if (problem := _not_a_classifier(run, images)) is not None:
        raise UserError(f"the model of {directory} does not map an image to one score per class: {problem}")
    return np.asarray(jax.nn.softmax(run.trained(call, images)[0])), run.classes, preprocessing


def _not_a_classifier(run: runs.Run, images: np.ndarray) -> str | None:
    """Why not, found from shapes alone: what fails only when it is computed is another fault, and told as such."""
    if not callable(run.model):
        return "it is several networks, or has no one output"
    try:
        found: Any = jax.eval_shape(lambda x: run.trained(type(run.model).__call__, x), images)
    except Exception as error:  # a model of another kind wants other arguments, and may fail in any way
        return brief(error)
    if getattr(found, "shape", None) == (1, len(run.classes)):
        return None
    return f"it has {len(run.classes)} classes, and the output is {str(found)[:100]}"


def main(arguments: Sequence[str]) -> None:
    """The command; UserError for a mistake."""
    chosen = parse(arguments)
    use_compilation_cache()
    how = {name: getattr(chosen, name) for name in ("resize", "crop", "interpolation")}
    print(classify(chosen.weights, chosen.image, chosen.model, chosen.classes, **how))


if __name__ == "__main__":
    execute(main, sys.argv[1:])
