"""Finds the pictures of a folder that a sentence describes, and draws them.

    python -m deeplearn.text_to_image.search --weights=FOLDER --folder=PATH --text="a dog on a beach" \\
        [--count=8] [--out=found.png]
    python -m deeplearn.text_to_image.search --weights=runs/text_to_image.clip --folder=PATH --text="woman judge"

--weights is a CLIP folder of the library transformers, as on the Hugging Face Hub: config.json, model.safetensors
or pytorch_model.bin, tokenizer.json and preprocessor_config.json; none come with this package. Or it is the
directory of a run that trained a CLIP here, alone (text_to_image.clip) or as a part (text_to_image.dalle2): its
captions have the words of its data, and no others. The folder is searched with its sub-folders; pictures may have
any size, and the network sees the middle of each. Printed are the cosine of each picture found with the sentence,
and its name.
"""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from deeplearn import runs
from deeplearn.command import execute, parser
from deeplearn.embed import TextEncoder
from deeplearn.embed.of_run import is_run
from deeplearn.errors import UserError
from deeplearn.models.clip import Clip
from deeplearn.models.clip_vision import ClipVision
from deeplearn.models.dalle import Dalle
from deeplearn.models.unclip import Unclip
from deeplearn.text_to_image.captions import asked
from deeplearn.train.launch import use_compilation_cache
from deeplearn.weights.clip_folder import open_clip_pictures
from deeplearn.weights.preprocessing import as_they_are
from deeplearn.weights.similar import Encoder, check_sheet, most_alike, pictures_in, show


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    flags = parser("deeplearn.text_to_image.search", __doc__)
    flags.add_argument("--weights", type=Path, required=True, help="a CLIP folder, or a run that trained a CLIP")
    flags.add_argument("--folder", type=Path, required=True, help="the pictures that are searched")
    flags.add_argument("--text", required=True, help="a sentence that says what is to be seen")
    flags.add_argument("--count", type=int, default=8, help="pictures to find")
    flags.add_argument("--out", type=Path, default=Path("found.png"), help="the sheet to draw, a PNG")
    chosen = flags.parse_args(arguments)
    check_sheet(chosen)
    if not chosen.text.strip():
        raise UserError("--text is empty: say what is to be seen")
    return chosen


def opened(weights: Path, text: str) -> tuple[Encoder, np.ndarray]:
    """The encoder of pictures, and the text's vector in its space. UserError where there is no CLIP."""
    return _of_run(weights, text) if is_run(weights) else _of_folder(weights, text)


def _of_folder(folder: Path, text: str) -> tuple[Encoder, np.ndarray]:
    pictures = open_clip_pictures(folder)
    vector = TextEncoder.open(folder, "last").vectors([text])[0]
    if len(vector) != pictures.module.projection:
        raise UserError(f"{folder} has no text_projection: its texts are in no space with its pictures")

    def encode(images: np.ndarray) -> np.ndarray:
        return np.asarray(_vectors(pictures.module, pictures.variables, images))

    return Encoder(pictures.picture, encode), vector


@functools.partial(jax.jit, static_argnums=0)
def _vectors(module: ClipVision, variables: Any, images: jax.Array) -> Any:
    return module.apply(variables, images, method=ClipVision.vectors)


def _of_run(directory: Path, text: str) -> tuple[Encoder, np.ndarray]:
    run = runs.open(directory)
    if not isinstance(run.model, Clip | Unclip | Dalle):
        raise UserError(
            f"{directory} is a run of {run.name}, which trains no CLIP: name one of text_to_image.clip, .dalle or "
            ".dalle2"
        )
    vector = run.trained(_texts, *asked(text, run.described, open_ended=False))[0]

    def encode(images: np.ndarray) -> np.ndarray:
        return np.asarray(run.trained(_images, images))

    return Encoder(as_they_are(*run.image_shape), encode), np.asarray(vector)


def clip_of(model: Clip | Unclip | Dalle) -> Clip:
    """What a run trained, or the part of it, that knows pictures and texts."""
    return model if isinstance(model, Clip) else model.clip


def _texts(model: Clip | Unclip | Dalle, tokens: jax.Array, length: jax.Array) -> jax.Array:
    return clip_of(model).texts(tokens, length)


def _images(model: Clip | Unclip | Dalle, images: jax.Array) -> jax.Array:
    return clip_of(model).images(images)


def main(arguments: Sequence[str]) -> None:
    """The command; UserError for a mistake."""
    chosen = parse(arguments)
    files = pictures_in(chosen.folder)
    use_compilation_cache()
    by, vector = opened(chosen.weights.expanduser(), chosen.text)
    print(f"{chosen.text!r}: {by.picture}")
    show(most_alike(by, files, vector, chosen.count), None, chosen.folder, chosen.out)


if __name__ == "__main__":
    execute(main, sys.argv[1:])
