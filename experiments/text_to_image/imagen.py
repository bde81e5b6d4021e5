"""Imagen."""

import dataclasses
from functools import partial
from typing import Any

import numpy as np

from deeplearn import train as dl
from deeplearn.data import Dataset
from deeplearn.text_to_image.baselines import picture_baselines
from deeplearn.text_to_image.captions import asked, texts_of
from deeplearn.text_to_image.imagen import ImagenConfig, pictures, system, texts_for
from deeplearn.text_to_image.quality import asked_rows
from deeplearn.text_to_image.sheet import asked_sheet, some_rows


@dataclasses.dataclass(frozen=True)
class Config(ImagenConfig):
    TINY = {
        "dataset": "openmoji/people-16",
        "sides": (4, 8),
        "places": (4, 4),
        "widths": (8,),
        "upsampler_widths": (8,),
        "text_width": 8,
        "upsampler_steps": 2,
        "sampling_steps": 2,
        "upsampler_sampling_steps": 2,
    }


def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
    rows = some_rows(asked_rows(dataset))
    made = pictures(trained, trained.config, dataset, *texts_for(trained.config, dataset, texts_of(rows, dataset)))
    return asked_sheet(made[-1], rows, dataset)


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    own = system(config, dataset)
    return dl.Experiment(own.model, own.stages, dataset, own.evaluate, sheet=sheet)


if __name__ == "__main__":
    dl.launch(Config, build)
