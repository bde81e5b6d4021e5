"""The encoder of pictures in a CLIP folder of the library transformers, beside its encoder of texts.

config.json, model.safetensors    as in `weights.transformers_folder`
preprocessor_config.json          how pictures are prepared; without it as CLIP's own
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from deeplearn.errors import UserError
from deeplearn.models.clip_vision import ClipVision
from deeplearn.weights.json_file import read_object
from deeplearn.weights.preprocessing import INTERPOLATIONS, Preprocessing
from deeplearn.weights.transformers_config import described_pictures
from deeplearn.weights.transformers_folder import read_weights
from deeplearn.weights.transformers_names import converted

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)  # of CLIP's own pictures
# Pillow's numbers of ways to change a picture's size, in the order of these.
PILLOW = ("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming")


class ClipPictures(NamedTuple):
    """module, variables: prepared pictures [batch, side, side, 3] -> by `vectors`, in the space of texts.

    picture: how a file becomes such a picture.
    """

    module: ClipVision
    variables: dict[str, Any]
    picture: Preprocessing


def open_clip_pictures(folder: Path) -> ClipPictures:
    """The encoder of pictures; UserError where something is missing, damaged, or of another network."""
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}: name one of CLIP, with config.json and model.safetensors")
    file = folder / "config.json"
    architecture = described_pictures(read_object(file, "what network it holds"), file)
    module: Any = architecture.module
    tensors, source, _ = read_weights(folder, module.layers)
    image = jnp.zeros((1, module.side, module.side, 3))
    abstract = jax.eval_shape(lambda: module.init(jax.random.key(0), image, method="vectors"))
    return ClipPictures(
        module, converted(abstract, architecture.names, tensors, source), prepared(folder, module.side)
    )


def prepared(folder: Path, side: int) -> Preprocessing:
    """What preprocessor_config.json says, for a network of pictures of `side` pixels.

    UserError for what no picture can be prepared by, and where it makes pictures of another side.
    """
    file = folder / "preprocessor_config.json"
    said = read_object(file, "how pictures are prepared") if file.is_file() else {}
    crop, size = (_pixels(said.get(name, side)) for name in ("crop_size", "size"))
    if crop != side:
        raise UserError(f"{file} makes pictures of {crop} pixels a side, and the network reads {side}")
    number = said.get("resample", PILLOW.index("bicubic"))
    how = PILLOW[number] if type(number) is int and 0 <= number < len(PILLOW) else ""
    try:
        mean, std = (
            tuple(map(float, said.get(name, usual))) for name, usual in (("image_mean", MEAN), ("image_std", STD))
        )
        if len(mean) != 3 or how not in INTERPOLATIONS:
            raise ValueError(f"{len(mean)} means, and resample {number!r}")
        return Preprocessing(side, side, size, mean, std, interpolation=how)
    except (TypeError, ValueError) as error:
        raise UserError(f"{file} does not say how pictures are prepared ({error})") from None


def _pixels(size: Any) -> Any:
    """Of a side: older files have a number, newer ones {"shortest_edge": …} or {"height": …, "width": …}."""
    return size.get("shortest_edge", size.get("height")) if isinstance(size, dict) else size
