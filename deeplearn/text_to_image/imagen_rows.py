"""What Imagen's pictures are compared with: regressions, the base enlarged in other ways, partial captions."""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np

from deeplearn import train as dl
from deeplearn.baselines.classical import Thunks
from deeplearn.data import Dataset
from deeplearn.models.imagen import enlarge
from deeplearn.text_to_image.baselines import picture_baselines
from deeplearn.text_to_image.frozen_text import FrozenText
from deeplearn.text_to_image.imagen import ImagenConfig, drawn, pictures, rows_for
from deeplearn.text_to_image.partial_captions import partial_rows
from deeplearn.text_to_image.quality import asked_rows, picture_quality, rightness

ENLARGED = {way: f"base enlarged, {way}" for way in ("cubic", "in one step")}


def regression(config: ImagenConfig) -> str:
    """The row of kernel ridge at the base's size."""
    return f"kernel ridge, {config.sides[0]} pixels" if len(config.sides) > 1 else "kernel ridge"


def other_rows(trained: dl.Trained, dataset: Dataset, config: ImagenConfig) -> Thunks:
    """{row: thunk}: `picture_baselines`; where captions are completed, regression of such; with super-resolutions
    kernel ridge at the base's side and the base enlarged in other ways."""
    vectors = FrozenText(config.text_weights, dataset).sums if config.text_weights else None
    side = config.sides[0]
    found = dict(picture_baselines(dataset, vectors, config.sides[-1]))
    if trained.model.completer:
        found |= partial_rows(trained, dataset, side)
    if len(config.sides) > 1:
        found[regression(config)] = picture_baselines(dataset, vectors, side)["kernel ridge"]
        found |= {row: partial(enlarged, trained, dataset, config, way) for way, row in ENLARGED.items()}
    return found


def claims(config: ImagenConfig, dataset: Dataset) -> list[dl.Claim]:
    """Of the base, and of super-resolutions where there are any."""
    base = "base" if len(config.sides) > 1 else dl.OURS
    right = rightness(dataset)
    found = [dl.Claim("the base draws what was asked oftener than regression", base, regression(config), right)]
    if len(config.sides) > 1:
        cubic = ENLARGED["cubic"]
        found.append(dl.Claim("enlarged pictures are sharper than interpolated ones", dl.OURS, cubic, "sharpness"))
    return found


def enlarged(trained: dl.Trained, dataset: Dataset, config: ImagenConfig, way: str) -> dl.Measured:
    """The base's pictures enlarged: "cubic" interpolation, or "in one step", each super-resolution's own estimate
    of the mean of what is possible, by squared error the best."""
    asked = asked_rows(dataset)
    text = rows_for(config, dataset, asked)
    if way == "cubic":
        base = drawn(trained, config, dataset.image_shape[2], 0, *text)
        made = np.clip(np.asarray(enlarge(base, config.sides[-1])), 0, 1)
    else:
        made = pictures(trained, dataclasses.replace(config, upsampler_sampling_steps=1), dataset, *text)[-1]
    return dl.Measured(picture_quality(made, dataset, asked), {"image": made})
