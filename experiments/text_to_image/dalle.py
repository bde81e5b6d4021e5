"""DALL·E: pictures as codes, and one transformer that goes on from a text to a picture's codes.

    python -m experiments.text_to_image.dalle --workdir=runs/dalle
    python -m deeplearn.draw --run=runs/dalle "woman astronaut: dark skin tone" --count=9

Ramesh et al. 2021: a discrete code of pictures, a decoder over the caption's words and the picture's codes, and
CLIP, which ranks what is drawn. Not theirs: a small network learns from the bag of words which vector the code of
each place has, before the decoder, which is told so (--noword_sums: none of it, as with --paper).

Captions that leave something open ("astronaut …") are completed by a small transformer, drawn at random: pictures
should agree with what is said, and cover what is not (`partial_agreement`, `partial_coverage`).

Asked for are captions that training shows and such as it never showed, whose true pictures are known. Beside the
most probable picture (greedy): one sample; the best of several by CLIP, and by one who knows the true picture;
pictures whose upper half is given; what the bag of words foresees, shown as it is; the codes' own limit; regression
and recolouring.
"""

import dataclasses
from typing import Any

import numpy as np

from deeplearn import train as dl
from deeplearn.data import Dataset
from deeplearn.errors import UserError
from deeplearn.figures.captioned import captioned
from deeplearn.text_to_image.baselines import picture_baselines
from deeplearn.text_to_image.captions import leaves_open, texts_of
from deeplearn.text_to_image.completion import read_asked
from deeplearn.text_to_image.dalle import pictures, ranked, system, upper_half
from deeplearn.text_to_image.dalle_config import DalleConfig, best_row
from deeplearn.text_to_image.partial_captions import partial_rows
from deeplearn.text_to_image.quality import asked_rows, rightness
from deeplearn.text_to_image.sheet import asked_sheet, some_rows

MOST = 512  # candidates of a text: so many were ranked in the paper

Config = DalleConfig


def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
    rows = some_rows(asked_rows(dataset))
    return asked_sheet(pictures(trained, rows["tokens"], rows["length"]), rows, dataset)


def images(
    trained: dl.Trained,
    dataset: Dataset,
    count: int,
    text: str = "",
    temperature: float | None = None,
    candidates: int = 0,
) -> np.ndarray:
    """Of the text, or of none; of `candidates` those that CLIP likes best, the best first.

    What a text leaves open is completed `count` times, and the best of each is shown.
    """
    if candidates > MOST or not (temperature or 0) >= 0:
        raise UserError(f"--temperature should be at least 0, and --candidates at most {MOST}")
    config = trained.config if temperature is None else dataclasses.replace(trained.config, temperature=temperature)
    text = text or "…"
    captions = count if leaves_open(text) else 1
    most = count // captions  # of each caption
    read = read_asked(trained, dataset, text, captions)
    made, cosines = ranked(trained, config, *read, max(most, candidates // captions))
    best = np.argsort(-cosines, axis=1)[:, :most]
    return np.concatenate([drawn[rows] for drawn, rows in zip(made, best, strict=True)])


def by_rank(trained: dl.Trained, dataset: Dataset) -> Any:
    """Four captions: drawn pictures of each, the one that CLIP likes best first, and the true one."""
    rows = some_rows(asked_rows(dataset), 4)
    made, cosines = ranked(trained, trained.config, rows["tokens"], rows["length"], 8)
    tiles, below = [], []
    for image, cosine, true, text in zip(made, cosines, rows["image"], texts_of(rows, dataset), strict=True):
        best = np.argsort(-cosine)
        tiles += [*image[best], true]
        below += [*(f"{cosine[one]:.2f}" for one in best), text]
    return captioned(np.stack(tiles), below, columns=9, credit=dataset.about.get("credit", ""), tile=96)


def completed(trained: dl.Trained, dataset: Dataset) -> Any:
    """Pictures whose upper half is given, above the true ones; the captions are asked for."""
    rows = some_rows(asked_rows(dataset))
    codes = upper_half(trained, rows["image"])
    return asked_sheet(pictures(trained, rows["tokens"], rows["length"], codes), rows, dataset)


def figures(report: dl.Report) -> dict[str, Any]:
    trained, dataset = report.trained, report.dataset
    drawn = {"samples": sheet, "completions": completed, "ranked": by_rank}
    return {name: lambda draw=draw: draw(trained, dataset) for name, draw in drawn.items()}


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    open_ended = partial_rows(trained, dataset, dataset.image_shape[0]) if trained.model.completer else {}
    return {**picture_baselines(dataset), **open_ended}


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    own = system(config, dataset)
    return dl.Experiment(
        model=own.model,
        stages=own.stages,
        data=dataset,
        evaluate=own.evaluate,
        baselines=baselines,
        figures=figures,
        sheet=sheet,
        images=images,
        claims=[
            dl.Claim(
                "CLIP's choice is right more often than one sample",
                best_row(config),
                "one sample",
                rightness(dataset),
            )
        ],
    )


if __name__ == "__main__":
    dl.launch(Config, build)
