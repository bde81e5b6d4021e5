"""Inpainting: half of a picture is hidden, and a diffusion model that never saw a hidden half fills it in.

    python -m experiments.text_to_image.inpainting
    python -m experiments.text_to_image.inpainting --dataset=glyphs --batch_size=32 --steps=6000 \\
        --learning_rate=2e-3 --width=16 --workdir=runs/inpainting

A diffusion model of whole pictures is trained as in `text_to_image.diffusion`, without classes. RePaint (Lugmayr
et al. 2022) noises again and denoises again so that both halves agree; plain replacement, the same without
returns, is the row beside it. A hidden half has many answers, so the mean of all has the least squared error
(`psnr_hidden`) and is a blur: the main numbers are the fraction whose class the data set's judge still reads
(`accuracy`; of pictures with classes), and `sharpness` of the hidden half (1: as the true ones). `identity` is the
fraction of which the true picture is, of all pictures, the nearest. Baselines: ridge regression from visible to
hidden pixels, the training picture whose visible half is nearest, the mean picture, the true pictures.
"""

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np

from deeplearn import train as dl
from deeplearn.baselines.completion import Complete, completions
from deeplearn.data import Dataset
from deeplearn.errors import UserError
from deeplearn.figures.grid import image_rows, spread
from deeplearn.judge import is_judged, sample_count, sample_quality
from deeplearn.metrics.identity import nearest_pictures
from deeplearn.metrics.pictures import psnr
from deeplearn.metrics.sharpness import sharpness
from deeplearn.models.diffusion import Diffusion, denoiser_of, visited
from deeplearn.models.inpainting import inpaint
from deeplearn.text_to_image.class_diffusion import ClassDiffusionConfig, no_class

IMAGES = 300  # test pictures at most
SEARCHED = 10_000  # training pictures at most among which the true one is to be found
SHOWN = 12
QUALITY = ("accuracy", "confident", "frechet_distance", "precision", "recall")


@dataclasses.dataclass(frozen=True)
class Config(ClassDiffusionConfig):
    drop_label: float = 1.0  # it is never told a class
    hidden: str = dl.flag("lower", "the half that is hidden", choices=("lower", "right"))
    levels: int = dl.flag(50, "noise levels of the way down", min=2)
    jump: int = dl.flag(5, "levels that RePaint goes back up at a time", min=1)
    resample: int = dl.flag(5, "times that RePaint goes down over the same levels", min=1)

    # Lugmayr et al. 2022, section 5.1, on a model with the budget of Ho et al. 2020 for CIFAR-10.
    PAPER = {
        "dataset": "cifar10",
        "prediction": "noise",
        "schedule": "linear",
        "noise_scale": 1.0,
        "levels": 250,
        "jump": 10,
        "resample": 10,
        "width": 128,
        "batch_size": 128,
        "learning_rate": 2e-4,
        "steps": 800_000,
    }
    TINY = {"width": 8, "levels": 3, "jump": 1, "resample": 2}


def visible(config: Config, dataset: Dataset) -> np.ndarray:
    """bool [H, W]: what is seen of a picture."""
    height, width, _ = dataset.image_shape
    rows, columns = np.indices((height, width))
    return rows < height // 2 if config.hidden == "lower" else columns < width // 2


def filled(trained: dl.Trained, images: np.ndarray, dataset: Dataset, resample: int) -> np.ndarray:
    """Pictures [N, H, W, C] in [0, 1] with their hidden half drawn anew."""
    config = trained.config
    shown = visible(config, dataset)[..., None]
    known = trained(Diffusion.normalise, np.where(shown, images, 0))
    denoiser = denoiser_of(trained, (no_class(len(images), dataset),))
    ratios = visited(trained.model, "ddpm", config.levels)
    made = inpaint(denoiser, known, jnp.asarray(shown), trained.key, ratios, config.jump, resample)
    return np.where(shown, images, np.clip(trained(Diffusion.restore, made), 0, 1))


def measured(complete: Complete, config: Config, dataset: Dataset) -> dl.Measured:
    test = dataset.test.arrays(sample_count(dataset, IMAGES))
    truth, hidden = test["image"], ~visible(config, dataset)
    made = np.clip(complete(truth), 0, 1)
    pictures = np.concatenate([truth, dataset.train.arrays(SEARCHED)["image"]])
    rows, columns = np.ix_(hidden.any(1), hidden.any(0))
    half, true_half = made[:, rows, columns], truth[:, rows, columns]
    quality = sample_quality(made, dataset, test["label"]) if is_judged(dataset) else {}
    metrics = {
        "sharpness": sharpness(half, true_half),
        "identity": float((nearest_pictures(made, pictures) == np.arange(len(truth))).mean()),
        "psnr_hidden": float(psnr(half, true_half).mean()),
    }
    judged = {name: quality[name] for name in QUALITY if name in quality}
    return dl.Measured(judged | metrics, {"image": made})


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    def by(resample: int) -> dl.Measured:
        return measured(lambda images: filled(trained, images, dataset, resample), trained.config, dataset)

    return {dl.OURS: by(trained.config.resample), "plain replacement": by(1)}


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    def row(complete: Complete) -> dl.Measured:
        return measured(complete, trained.config, dataset)

    return completions(dataset, visible(trained.config, dataset), row) | {"true pictures": lambda: row(np.asarray)}


def figures(report: dl.Report) -> dict[str, Any]:
    def completed() -> Any:
        of = spread(len(report.ours.arrays["image"]), SHOWN)
        rows = {name: row.arrays["image"][of] for name, row in report.beside("RePaint").items()}
        rows |= {name: row.arrays["image"][of] for name, row in report.rows.items() if name not in (dl.OURS, *rows)}
        seen = visible(report.config, report.dataset)[..., None]
        rows = {"visible": np.where(seen, rows["true pictures"], 0.5)} | rows
        return image_rows(rows, report.dataset.image_shape)

    return {"completed": completed}


def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
    truth = dataset.test.arrays(SHOWN)["image"]
    made = {"true": truth, "RePaint": filled(trained, truth, dataset, trained.config.resample)}
    return image_rows(made, dataset.image_shape)


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    best = "accuracy" if is_judged(dataset) else "identity"
    if config.jump >= config.levels:
        raise UserError(
            f"--jump={config.jump} should be less than --levels={config.levels}: nothing would go back up"
        )
    return dl.Experiment(
        model=config.model(dataset),
        stages=[config.stage()],
        data=dataset,
        evaluate=evaluate,
        baselines=baselines,
        figures=figures,
        sheet=sheet,
        claims=[
            dl.Claim("returns help beside plain replacement", dl.OURS, "plain replacement", best),
            dl.Claim("it is right more often than the nearest", dl.OURS, "nearest training picture", best),
        ],
    )


if __name__ == "__main__":
    dl.launch(Config, build)
