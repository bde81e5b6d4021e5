"""The flags of a cascade: a diffusion model draws small pictures of a text, others make them larger."""

from __future__ import annotations

import dataclasses
import itertools

from deeplearn import train as dl
from deeplearn.data import Dataset
from deeplearn.errors import UserError
from deeplearn.models.denoiser import GROUPS
from deeplearn.models.samplers import SAMPLERS
from deeplearn.text_to_image.completion import Completing


@dataclasses.dataclass(frozen=True)
class Cascade(Completing):
    sides: tuple[int, ...] = dl.flag((16, 32, 64), "pixels of a side of each stage's pictures", min=2)
    upsampler_steps: int = dl.flag(3600, "steps of each super-resolution", min=1)
    batch_size: int = 32
    widths: tuple[int, ...] = dl.flag((64, 128), "channels of each resolution of the first U-Net", min=GROUPS)
    upsampler_widths: tuple[int, ...] = dl.flag((24, 48), "the same of each super-resolution", min=GROUPS)
    places: tuple[int, ...] = dl.flag((8, 16, 32), "places of a side that a U-Net has at first, by stage", min=1)
    text_width: int = dl.flag(128, "features of a word that a U-Net attends to", min=8)
    text_features: int = dl.flag(512, "features of the sum of a caption's words", min=8)
    condition: int = dl.flag(512, "features of what the first U-Net's blocks are told of all this", min=8)
    noise_scale: float = dl.flag(8.0, "factor of all noise levels (log-normal)", min=1e-3)
    noised: float = dl.flag(
        0.2, "how far a smaller picture is noised in training, as t of cosine levels", min=0, max=1
    )
    noised_when_drawn: float = dl.flag(0.05, "the same when pictures are made", min=0, max=1)
    sampler: str = dl.flag("ddim", "the way from noise to a picture", choices=tuple(SAMPLERS))
    sampling_steps: int = dl.flag(24, "levels that the first stage's sampler visits", min=2)
    upsampler_sampling_steps: int = dl.flag(10, "the same of each super-resolution", min=2)
    guidance: float = dl.flag(1.0, "how far pictures are pushed towards the text (0: not at all)", min=0)
    ema: float = dl.flag(0.998, "decay of the moving average of the weights", min=0, max=1)

    TINY = {
        "dataset": "openmoji/people-16",
        "sides": (4, 8),
        "places": (4, 4),
        "widths": (8,),
        "upsampler_widths": (8,),
        "text_width": 8,
        "text_features": 16,
        "condition": 16,
        "upsampler_steps": 2,
        "sampling_steps": 2,
        "upsampler_sampling_steps": 2,
        "completer_steps": 2,
    }


def need_cascade(config: Cascade, dataset: Dataset) -> None:
    """UserError unless pictures of all `config.sides` can be made of the data's, each of the one before."""
    dataset.need_square_images("pictures of several sizes are made of each")
    largest, sides = dataset.image_shape[0], config.sides
    if not sides:
        raise UserError("--sides should have a number for each stage, such as --sides=16,32")
    if config.noised_when_drawn > config.noised:
        raise UserError(
            f"--noised_when_drawn={config.noised_when_drawn} is more than --noised={config.noised}, the most that "
            "training shows"
        )
    if config.text_width % 8:
        raise UserError(f"--text_width={config.text_width} should be a multiple of 8")
    if any(b % a or b <= a for a, b in itertools.pairwise(sides)) or largest % sides[-1]:
        raise UserError(
            f"--sides={','.join(map(str, sides))} should rise, each a multiple of the one before and the last a "
            f"divisor of {largest}, the side of the pictures of --dataset={config.dataset}"
        )
    if len(config.places) < len(sides):
        raise UserError(f"--places should have a number for each of {len(sides)} stages")
