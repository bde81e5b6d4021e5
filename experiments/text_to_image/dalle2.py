"""DALL·E 2: from a caption to a picture's vector in CLIP's space, and from that to pictures (unCLIP).

    python -m experiments.text_to_image.dalle2
    python -m experiments.text_to_image.dalle2 --prior=autoregressive --workdir=runs/dalle2_autoregressive
    python -m experiments.text_to_image.dalle2 --paper --plan --mesh=data:256
    python -m deeplearn.draw --run=runs/text_to_image.dalle2 "woman astronaut: dark skin tone" --count=9

Four stages (Ramesh et al. 2022): CLIP, which puts pictures and captions into one space; a prior, which draws a
picture's vector for a caption, by diffusion or code by code; a decoder, a diffusion model of small pictures that is
told the vector and the caption; and upsamplers, which see nothing but a smaller picture, blurred and noised.

Rows of what is done to test pictures: variations, and wider ones (not published), whose vectors vary, too, in the
ways in which near pictures differ; a half hidden; half way between two; a tone turned by a difference of texts.
"""

import dataclasses
from functools import partial
from typing import Any

import numpy as np

from deeplearn import train as dl
from deeplearn.data import Dataset
from deeplearn.data.subsets import spaced
from deeplearn.judge.combinations import has_parts
from deeplearn.text_to_image.baselines import picture_baselines
from deeplearn.text_to_image.completion import read_asked
from deeplearn.text_to_image.dalle2 import evaluate as measured
from deeplearn.text_to_image.dalle2 import system
from deeplearn.text_to_image.dalle2_config import UnclipConfig
from deeplearn.text_to_image.dalle2_drawing import pictures
from deeplearn.text_to_image.dalle2_uses import uses, uses_sheet
from deeplearn.text_to_image.quality import asked_rows
from deeplearn.text_to_image.sheet import asked_sheet, some_rows
from deeplearn.text_to_image.watched import Watch

Config = UnclipConfig


def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
    rows = some_rows(asked_rows(dataset))
    made = pictures(trained, trained.config, dataset.image_shape[2], rows["tokens"], rows["length"])
    return asked_sheet(made[-1], rows, dataset)


def images(
    trained: dl.Trained,
    dataset: Dataset,
    count: int,
    text: str = "",
    guidance: float | None = None,
    watch: Watch | None = None,
) -> np.ndarray:
    config = trained.config
    if guidance is not None:
        config = dataclasses.replace(config, guidance=guidance)
    read = read_asked(trained, dataset, text, count)
    return pictures(trained, config, dataset.image_shape[2], *read, watch=watch)[-1]


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    return picture_baselines(dataset, side=trained.config.sides[-1])


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    config = trained.config
    return {**measured(trained, dataset, config), **uses(trained, dataset, config)}


def figures(report: dl.Report) -> dict[str, Any]:
    trained, dataset, config = report.trained, report.dataset, report.config
    rows, image = asked_rows(dataset), report.ours.arrays["image"]

    def samples() -> Any:
        some = spaced(len(image), 12)
        return asked_sheet(image[some], {key: column[some] for key, column in rows.items()}, dataset)

    which = ["variations", "interpolation", "inpainting", *["text_differences"] * has_parts(dataset)]
    return {"samples": samples} | {name: partial(uses_sheet, trained, dataset, config, name) for name in which}


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    own = system(config, dataset)
    return dl.Experiment(
        own.model, own.stages, dataset, evaluate, baselines=baselines, figures=figures, sheet=sheet, images=images
    )


if __name__ == "__main__":
    dl.launch(Config, build)
