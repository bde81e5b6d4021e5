"""Imagen: pictures from a text by a diffusion model that is told what the text says, then enlarged by two more.

    python -m experiments.text_to_image.imagen
    python -m deeplearn.draw --run=runs/text_to_image.imagen "woman astronaut: dark skin tone" --count=9
    python -m deeplearn.draw --run=runs/text_to_image.imagen "astronaut …" --count=9     # whoever, of any tone
    python -m experiments.text_to_image.imagen --text_weights=FOLDER --changed=0 --workdir=runs/frozen
    python -m experiments.text_to_image.imagen --dataset=openmoji/people-32 --sides=16,32

Saharia et al. 2022: a U-Net with attention to the text draws pictures of 16 pixels; two super-resolutions make them
32 and 64 pixels large, each shown the smaller picture with noise at a level that it is told (noise conditioning
augmentation), and draw the details that it lacks. Classifier-free guidance; the base predicts v, and is told a wide
sum of the words, too. In training some pictures are mirrored or moved, of which all stages are told and need not
draw it (Karras et al. 2022): parts that are seen elsewhere go together in new ways. The text is read by a network
that is trained here with the base, or by a frozen encoder: T5's, BERT's or MiniLM's folder, or a run of ours.
Dynamic thresholding is off: drawings on white paper reach the end of the range everywhere, so that it darkens them
all (figure `percentile`).

The default data are people of OpenMoji at 64 pixels: kinds, persons and tones of skin, of which test has new
combinations. `identity` is the fraction of pictures to which, of all pictures, the one asked for is the nearest;
`sharpness` 1 is that of the truth. Captions that leave something open ("judge …") are completed by a small
transformer, drawn at random: `partial_agreement` is how often pictures agree with what was said, `partial_coverage`
how much of the data's entropy over what was not they have. `paraphrase_kind`: words that training never has
("pupil" for student). Rows: each stage, the base enlarged by cubic interpolation and in one step, the squared-error
estimate; the largest pictures seen as small as the base's; retrieval, regressions, a recoloured sibling.
"""

import dataclasses
from functools import partial
from typing import Any

import numpy as np

from deeplearn import train as dl
from deeplearn.data import Dataset
from deeplearn.figures.plots import curves
from deeplearn.text_to_image.captions import written
from deeplearn.text_to_image.completion import read_asked
from deeplearn.text_to_image.imagen import ImagenConfig, pictures, rows_for, system, texts_for
from deeplearn.text_to_image.imagen_rows import claims, other_rows
from deeplearn.text_to_image.imagen_sweeps import GUIDANCE, NOISED, swept, thresholded
from deeplearn.text_to_image.quality import asked_rows
from deeplearn.text_to_image.sheet import asked_sheet, some_rows
from deeplearn.text_to_image.watched import Watch

Config = ImagenConfig


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    return other_rows(trained, dataset, trained.config)


def images(
    trained: dl.Trained,
    dataset: Dataset,
    count: int,
    text: str = "",
    guidance: float | None = None,
    watch: Watch | None = None,
) -> np.ndarray:
    config = trained.config if guidance is None else dataclasses.replace(trained.config, guidance=guidance)
    # A frozen encoder knows words that training never had.
    if config.text_weights:
        read = texts_for(trained, config, dataset, [written(text, dataset)] * count)
    else:
        read = read_asked(trained, dataset, text, count)
    return pictures(trained, config, dataset, *read, watch)[-1]


def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
    rows = some_rows(asked_rows(dataset))
    text = rows_for(trained.config, dataset, rows)
    made = pictures(trained, trained.config, dataset, *text)
    return asked_sheet(made[-1], rows, dataset)


def figures(report: dl.Report) -> dict[str, Any]:
    trained, config, dataset = report.trained, report.config, report.dataset
    rows = asked_rows(dataset)

    def shown(row: str) -> Any:
        some = some_rows({**rows, "made": report.rows[row].arrays["image"]})
        return asked_sheet(some.pop("made"), some, dataset)

    def curve(flag: str, title: str, values: Any) -> Any:
        return curves(swept(trained, config, dataset, flag, values), title, "", "validation captions")

    drawings = {
        "samples": partial(shown, dl.OURS),
        "guidance": partial(curve, "guidance", "guidance", GUIDANCE),
        "percentile": lambda: curves(
            thresholded(trained, config, dataset), "percentile of dynamic thresholding", "", "guidance 4"
        ),
    }
    if len(config.sides) > 1:
        noise = partial(curve, "noised_when_drawn", "noise on the smaller picture, t of cosine levels", NOISED)
        drawings |= {"base": partial(shown, "base"), "noised": noise}
    return drawings


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
        claims=claims(config, dataset),
    )


if __name__ == "__main__":
    dl.launch(Config, build)
