"""Interpolation: the middle between two pictures, by a diffusion model, by a VAE and in pixels.

    python -m experiments.text_to_image.interpolation

Of pairs of test pictures. Diffusion: each picture is led back to the noise of which DDIM makes it (Song et al.
2021), the noises are mixed along a great circle, and DDIM leads back to a picture, without classes. The VAE
(Kingma & Welling 2014), trained beside it on the same batches, decodes the straight line between codes. Measured
at the middle: whether the data set's judge is sure of a class (`confident`) and whether it is that of one of the
two (`of_an_end`); `feature_distance`, to the nearest training picture in the judge's features over that of test
pictures; `precision`; `sharpness` beside test pictures; and `psnr_ends`, how well the ends are the two pictures.
Pictures without classes have no judge: of them `frechet_pixels` and `kernel_pixels` say how far they are from test
pictures. More rows: a straight line between the noises, one in pixels, which is two pictures at once, and test
pictures themselves.
"""

import dataclasses
from typing import Any

import numpy as np

from deeplearn import train as dl
from deeplearn.data import Dataset
from deeplearn.figures.grid import image_grid
from deeplearn.judge import is_judged, judge, sample_quality
from deeplearn.losses.likelihoods import Bernoulli
from deeplearn.losses.vae import negative_elbo
from deeplearn.metrics.distances import nearest_neighbours
from deeplearn.metrics.pictures import psnr
from deeplearn.metrics.sharpness import sharpness
from deeplearn.models.vae import VAE
from deeplearn.text_to_image.between import (
    Between,
    circle,
    in_pixels,
    pairs,
    straight,
    through_codes,
    through_noise,
)
from deeplearn.text_to_image.class_diffusion import ClassDiffusionConfig
from deeplearn.text_to_image.quality import sets_apart

PAIRS = 300  # of test pictures at most
SEARCHED = 10_000  # training pictures whose features are searched
DIFFUSION, LINE, CODES, PIXELS = "diffusion", "diffusion, straight line", "VAE", "pixels"
SURE = dl.Claim("the judge is surer of diffusion's middle than of the VAE's", dl.OURS, CODES, "confident")
NEAR = dl.Claim("diffusion's middle is nearer to data than that in pixels", dl.OURS, PIXELS, "-feature_distance")
SHARP = dl.Claim("diffusion's middle is sharper than the VAE's", dl.OURS, CODES, "sharpness")


@dataclasses.dataclass(frozen=True)
class Config(ClassDiffusionConfig):
    drop_label: float = 1.0  # it is never told a class
    sampler: str = dl.flag("ddim", "the way to noise and back", choices=("ddim", "heun"))
    sampling_steps: int = dl.flag(40, "levels that it visits", min=2)
    latents: int = dl.flag(16, "dimensions of the VAE's code", min=1)
    hidden: tuple[int, ...] = dl.flag((200, 200), "hidden widths of the VAE's encoder", min=1)

    # Song et al. 2021, section 5.3, on a model with the budget of Ho et al. 2020 for CIFAR-10.
    PAPER = {
        "dataset": "cifar10",
        "prediction": "noise",
        "schedule": "linear",
        "noise_scale": 1.0,
        "sampling_steps": 50,
        "width": 128,
        "batch_size": 128,
        "learning_rate": 2e-4,
        "steps": 800_000,
    }
    TINY = {"width": 8, "sampling_steps": 3, "latents": 2, "hidden": (8,)}


def ways(trained: dl.Trained, dataset: Dataset) -> dict[str, Between]:
    diffusion, config = trained["diffusion"], trained.config
    way = {"sampler": config.sampler, "steps": config.sampling_steps}
    return {
        DIFFUSION: through_noise(diffusion, dataset, circle, **way),
        LINE: through_noise(diffusion, dataset, straight, **way),
        CODES: through_codes(trained["vae"]),
        PIXELS: in_pixels,
    }


def measured(image: np.ndarray, ends: tuple[Any, Any], dataset: Dataset) -> dict[str, float]:
    """Of pictures in the middle between the rows of `ends`."""
    one, other = ends
    plain = {"sharpness": sharpness(image, one["image"])}
    if not is_judged(dataset):
        return plain | sets_apart(image, one["image"])
    found = judge(dataset)
    known = found(dataset.train.arrays(SEARCHED)["image"])[1]
    logits, features = found(image)
    least, of_test = (nearest_neighbours(each, known)[0].mean() for each in (features, found(one["image"])[1]))
    quality, label = sample_quality(image, dataset), logits.argmax(-1)
    return {
        "confident": quality["confident"],
        "of_an_end": float(((label == one["label"]) | (label == other["label"])).mean()),
        "feature_distance": float(least / of_test),
        "precision": quality["precision"],
        "frechet_distance": quality["frechet_distance"],
        **plain,
    }


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    one, other = ends = pairs(dataset, PAIRS)
    rows = {}
    for name, between in ways(trained, dataset).items():
        back, middle = between(one["image"], other["image"], (0.0, 0.5))
        metrics = measured(middle, ends, dataset) | {"psnr_ends": float(psnr(back, one["image"]).mean())}
        rows[dl.OURS if name == DIFFUSION else name] = dl.Measured(metrics)
    return rows


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    one, other = pairs(dataset, PAIRS)
    return {"test pictures": lambda: dl.Measured(measured(one["image"], (one, other), dataset))}


def walks(trained: dl.Trained, dataset: Dataset) -> Any:
    """Three pairs, each by every way."""
    one, other = (rows["image"][:3] for rows in pairs(dataset, PAIRS))
    stops = [stop / 8 for stop in range(9)]
    made = [between(one, other, stops) for between in ways(trained, dataset).values()]
    rows = [of[:, pair] for pair in range(len(one)) for of in made]
    return image_grid(np.stack(rows), row_labels=[*ways(trained, dataset)] * len(one))


def figures(report: dl.Report) -> dict[str, Any]:
    return {"walks": lambda: walks(report.trained, report.dataset)}


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    judged = is_judged(dataset)
    stage = config.stage()
    vae = VAE(dataset.image_shape, config.latents, config.hidden, Bernoulli(cut=False))
    rivals = {
        "diffusion": dl.Rival(config.model(dataset), [stage]),
        "vae": dl.Rival(vae, [dataclasses.replace(stage, turns=[dl.Turn(negative_elbo)])], row=CODES),
    }
    return dl.side_by_side(
        rivals,
        data=dataset,
        evaluate=evaluate,
        baselines=baselines,
        figures=figures,
        sheet=walks,
        claims=[SURE, NEAR] if judged else [SHARP],
    )


if __name__ == "__main__":
    dl.launch(Config, build)
