"""Super-resolution: the details of a picture that is known only small, by diffusion and by squared error.

    python -m experiments.text_to_image.super_resolution
    python -m experiments.text_to_image.super_resolution --small=32 --workdir=runs/twice
    python -m experiments.text_to_image.super_resolution --dataset=folder:DIR@64 --workdir=runs/mine

A diffusion model of large pictures that is shown the small one, enlarged, with noise at a level that it is told
(Saharia et al. 2021, "SR3"; the noise: Ho et al. 2021, "Cascaded diffusion models", section 4.2). Rival: the same
network trained by squared error, which answers with the mean of what is possible. On test pictures: `psnr` and
`ssim` to the truth, which prefer means; `sharpness`, 1 that of the truth; `patch_distance`, the Fréchet distance
between the pixels of all 4×4 patches; `psnr_small`, how well it agrees with the small picture; of combinations
`identity`, the fraction to which, of all pictures, the true one is the nearest; of classes `judge_distance`, the
Fréchet distance of the judge's features. Baselines: pixels repeated, and cubic interpolation.
"""

import dataclasses
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from deeplearn import train as dl
from deeplearn.data import Dataset
from deeplearn.data.subsets import evenly_spaced
from deeplearn.errors import UserError
from deeplearn.figures.grid import credited, image_rows
from deeplearn.figures.plots import curves
from deeplearn.judge import need_judge
from deeplearn.judge.combinations import has_parts
from deeplearn.losses.diffusion import diffusion_loss
from deeplearn.models.denoiser import GROUPS
from deeplearn.models.diffusion import Diffusion, diffusion_samples
from deeplearn.models.super_resolution import details, interpolated, regressed, told
from deeplearn.nn.functional import area_means
from deeplearn.text_to_image.enlarged_quality import enlarged_quality, interpolations, known_rows
from deeplearn.text_to_image.networks import unet, upsampler

SQUARED = "squared error"
SHOWN = 10
NOISED = (0.0, 0.025, 0.05, 0.1, 0.2)


@dataclasses.dataclass(frozen=True)
class Config(dl.OptimizerConfig):
    dataset: str = "openmoji/people-64"
    small: int = dl.flag(16, "pixels of a side of the small pictures", min=1)
    steps: int = 2000
    batch_size: int = 16
    widths: tuple[int, ...] = dl.flag((24, 48), "channels of each resolution of the U-Net", min=GROUPS)
    places: int = dl.flag(32, "places of a side that the U-Net has at first", min=1)
    noise_scale: float = dl.flag(8.0, "factor of all noise levels (log-normal)", min=0)
    noised: float = dl.flag(
        0.2, "how far small pictures are noised in training, as t of cosine levels", min=0, max=1
    )
    noised_when_drawn: float = dl.flag(0.05, "the same in use", min=0, max=1)
    sampling_steps: int = dl.flag(12, "levels that the sampler visits", min=2)
    clip: float = 1.0
    schedule: str = "warmup_cosine"

    # Widths of Saharia et al. 2021 for 16 → 128 pixels; theirs see 128 pixels, and train for 1 M steps.
    PAPER = {"widths": (128, 256, 512, 512), "places": 64, "batch_size": 256, "learning_rate": 1e-4, "steps": 10**6}
    TINY = {"dataset": "openmoji/people-16", "small": 4, "widths": (8,), "places": 4, "sampling_steps": 2}


def denoise(model: Diffusion, batch: dl.Batch, small: int, noised: float) -> dl.Losses:
    image = batch["image"]
    t = noised * jax.random.uniform(model.make_rng("noise"), (len(image),))
    return diffusion_loss(model, details(image, small), *told(model, image, t, small=small)), {}


def regress(model: Diffusion, batch: dl.Batch, small: int) -> dl.Losses:
    error = (regressed(model, batch["image"], small=small) - batch["image"]) / model.std
    return jnp.square(error).mean(), {}


def drawn(trained: dl.Trained, image: np.ndarray, noised: float | None = None) -> np.ndarray:
    """A picture in [0, 1] for each [N, H, W, C], of which only the small one is looked at."""
    config = trained.config
    t = config.noised_when_drawn if noised is None else noised
    condition = trained(told, image, t, small=config.small)
    way = {"sampler": "ddim", "steps": config.sampling_steps}
    beneath = np.asarray(interpolated(image, config.small))
    return np.clip(beneath + diffusion_samples(trained, condition, image.shape[1:], **way), 0, 1)


def guessed(trained: dl.Trained, image: np.ndarray) -> np.ndarray:
    made: np.ndarray = trained.over(regressed, image, small=trained.config.small)
    return np.clip(made, 0, 1)


def evaluate(trained: dl.Trained, dataset: Dataset, make: Any) -> dl.Rows:
    rows = known_rows(dataset)
    return {dl.OURS: enlarged_quality(make(trained, rows["image"]), dataset, rows, trained.config.small)}


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    return interpolations(dataset, trained.config.small)


def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
    image = evenly_spaced(dataset.validation, SHOWN)["image"]
    factor = min(image.shape[1:3]) // trained.config.small
    known = area_means(image, trained.config.small).repeat(factor, 1).repeat(factor, 2)
    made = {"diffusion": drawn(trained["diffusion"], image), SQUARED: guessed(trained["squared_error"], image)}
    rows = {"known": known, **made, "truth": image}
    return credited(image_rows(rows, image.shape[1:]), dataset.about.get("credit", ""))


def figures(report: dl.Report) -> dict[str, Any]:
    dataset, small = report.dataset, report.config.small

    def noised() -> Any:
        rows = evenly_spaced(dataset.validation, 100)
        made = [drawn(report.trained["diffusion"], rows["image"], t) for t in NOISED]
        found = [enlarged_quality(each, dataset, rows, small).metrics for each in made]
        lines = {name: (NOISED, [one[name] / found[0][name] for one in found]) for name in ("psnr", "sharpness")}
        return curves(lines, "noise on the small picture, t of cosine levels", "of that without")

    return {"samples": lambda: sheet(report.trained, dataset), "noised": noised}


CLAIMS = (
    dl.Claim("diffusion is sharper than the same network trained by squared error", dl.OURS, SQUARED, "sharpness"),
    dl.Claim("which is nearer to the truth, picture by picture", SQUARED, dl.OURS, "psnr"),
)


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset.need_square_images("here small pictures are made large")
    if dataset.classes and not has_parts(dataset):
        need_judge(dataset)
    side = dataset.image_shape[0]
    if side % config.small or side == config.small:
        raise UserError(
            f"--small={config.small} should be a divisor of the {side} pixels of --dataset={config.dataset}"
        )
    rivals = {}
    for name, row, loss, make in (
        ("diffusion", "diffusion", partial(denoise, noised=config.noised), drawn),
        ("squared_error", SQUARED, regress, guessed),
    ):
        stage = dl.Stage([dl.Turn(partial(loss, small=config.small))], config.chain(), config.steps, ema=0.998)
        network = unet(config.widths, side, config.places, to_text=False, to_itself=False)
        model = upsampler(network, dataset, config.small, side, config.noise_scale)
        rivals[name] = dl.Rival(model, [stage], partial(evaluate, make=make), row=row)
    return dl.side_by_side(rivals, data=dataset, baselines=baselines, figures=figures, sheet=sheet, claims=CLAIMS)


if __name__ == "__main__":
    dl.launch(Config, build)
