"""Pix2pix: pictures from outlines, by a discriminator that sees both, and an L1 distance to the truth.

    python -m experiments.adversarial.pix2pix
    python -m experiments.adversarial.pix2pix --dataset=outlines/glyphs --workdir=runs/glyphs
    python -m experiments.adversarial.pix2pix --dataset=colours/photographs --workdir=runs/colours
    python -m experiments.adversarial.pix2pix --dataset=pairs:DIR@64 --workdir=runs/mine
    python -m deeplearn.runs translate --run=runs/mine --folder=IN --out=OUT

Isola et al. 2017: a U-Net with dropout, in use too, against a discriminator of patches, plus 100 · L1. Rival: the
same U-Net trained with L1 alone, which predicts means and blurs. Measured on held-out pictures: `l1`, `psnr` and
`ssim` to the truth, which prefer means; `patch_distance`, the Fréchet distance between the pixels of all 4×4
patches, which does not; where the pictures have classes `judge_distance`, the same of the features of the targets'
judge, and `judged_right`. Baseline: the source itself. DIR holds A and B with pictures of equal names, or pictures
side by side.
"""

import dataclasses
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np

from deeplearn import train as dl
from deeplearn.adversarial.config import GameConfig
from deeplearn.adversarial.translators import ConditionalTranslator, PictureTranslator
from deeplearn.adversarial.turns import discriminate, judge, shown
from deeplearn.adversarial.watch import ALARMS
from deeplearn.baselines.picture_translators import in_channels, picture_translators
from deeplearn.data import Dataset
from deeplearn.data.unpaired import targets
from deeplearn.errors import UserError
from deeplearn.figures.grid import credited, image_rows, spread
from deeplearn.judge import judge as judge_of
from deeplearn.judge import need_judge
from deeplearn.losses.adversarial import GAMES
from deeplearn.metrics.distances import frechet
from deeplearn.metrics.pictures import compared
from deeplearn.models.pix2pix import PatchGAN, UNet, halvings, need_patches

L1_ALONE = "L1 alone"
SHOWN = 12


@dataclasses.dataclass(frozen=True)
class Config(GameConfig):
    dataset: str = "outlines/emoji"
    batch_size: int = 16
    steps: int = 2000
    l1: float = dl.flag(100.0, "weight of the L1 distance to the target, of pixels in [−1, 1]", min=0)
    features: int = dl.flag(16, "channels of the first layers of both networks", min=1)
    layers: int = dl.flag(
        1, "layers of stride 2 of the discriminator: 1, 2, 3: patches of 16, 34, 70 pixels", min=1
    )
    dropout: float = dl.flag(0.5, "fraction of units that the generator's dropout leaves out", min=0, max=0.99)
    learning_rate: float = 1e-3
    schedule: str = "late_linear"

    # The paper's networks and budget (appendix 6.2, 200 epochs of 400 façades), for pictures of 256 pixels.
    PAPER = {
        "batch_size": 1,
        "steps": 80_000,
        "features": 64,
        "layers": 3,
        "learning_rate": 2e-4,
        "schedule": "constant",
    }
    TINY = {"features": 4}


def distance(model: PictureTranslator, batch: dl.Batch) -> dl.Metrics:
    """Of pixels in [−1, 1], as in the paper."""
    return {"l1": 2 * jnp.abs(model.translate(batch["source"]) - batch["target"]).mean()}


def regress(model: PictureTranslator, batch: dl.Batch) -> dl.Losses:
    metrics = distance(model, batch)
    return metrics["l1"], metrics


def generate(model: ConditionalTranslator, batch: dl.Batch, game: str, l1: float) -> dl.Losses:
    fake = model.fake(batch, train=True)
    made = fake[..., batch["source"].shape[-1] :]
    apart = 2 * jnp.abs(made - batch["target"]).mean()
    return GAMES[game].generator(judge(model, shown(fake))) + l1 * apart, {"l1": apart}


def translate(trained: dl.Trained, dataset: Dataset, images: np.ndarray) -> np.ndarray:
    made: np.ndarray = trained["pix2pix"].over(PictureTranslator.translate, images)
    return made


def measure(made: np.ndarray, dataset: Dataset) -> dl.Measured:
    test = dataset.test.arrays()
    metrics = compared(made, test["target"])
    if dataset.classes:
        found = judge_of(targets(dataset))
        (said, features), (_, real) = found(made), found(test["target"])
        metrics |= {"judge_distance": frechet(real, features), **found.metrics}
        metrics["judged_right"] = float((said.argmax(-1) == test["label"]).mean())
    return dl.Measured(metrics, {"image": made[spread(len(made), SHOWN)]})


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    source = dataset.test.arrays()["source"]
    return {dl.OURS: measure(trained.over(PictureTranslator.translate, source), dataset)}


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    return {"identity": picture_translators(dataset, partial(measure, dataset=dataset))["identity"]}


def rows(split: Any, channels: int, **made: np.ndarray) -> dict[str, np.ndarray]:
    arrays = split.gather(spread(len(split), SHOWN))
    return {"source": in_channels(arrays["source"], channels), **made, "truth": arrays["target"]}


def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
    source = dataset.validation.gather(spread(len(dataset.validation), SHOWN))["source"]
    made = {name: trained[name].over(PictureTranslator.translate, source) for name in trained.rivals}
    shape = dataset.train.spec["target"].shape
    drawn = image_rows(rows(dataset.validation, shape[-1], **made), shape)
    return credited(drawn, dataset.about.get("credit", ""))


def figures(report: dl.Report) -> dict[str, Any]:
    shape = report.dataset.train.spec["target"].shape

    def translations() -> Any:
        made = {"pix2pix": report.ours.arrays["image"], L1_ALONE: report.rows[L1_ALONE].arrays["image"]}
        drawn = image_rows(rows(report.dataset.test, shape[-1], **made), shape)
        return credited(drawn, report.dataset.about.get("credit", ""))

    return {"translations": translations}


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset.need_pairs("this experiment translates one into the other")
    height, width, channels = dataset.train.spec["target"].shape
    given = dataset.train.spec["source"].shape[-1]
    if dataset.classes:
        need_judge(targets(dataset))
    if "colour_jitter" in config.augmentation and given + channels != 3:
        raise UserError(
            "--augmentation=colour_jitter is of three colours: the discriminator sees source and target"
        )
    halvings(height, width)
    need_patches(height, width, config.layers)
    unet = partial(UNet, channels, config.features, config.dropout)
    patches = PatchGAN(config.features, config.layers, minibatch_stddev=config.minibatch_stddev)
    game = config.stage(partial(generate, l1=config.l1), partial(discriminate, weight=0.5, made=slice(given, None)))
    alone = dl.Stage(
        [dl.Turn(regress)], config.chain(config.learning_rate, config.steps), config.steps, ema=game.ema
    )
    pair = ConditionalTranslator(unet(), config.discriminator(patches))
    rivals = {
        "pix2pix": dl.Rival(pair, [game], evaluate, distance),
        "regression": dl.Rival(PictureTranslator(unet()), [alone], evaluate, distance, row=L1_ALONE),
    }
    metrics = ["patch_distance", *(["judge_distance"] if dataset.classes else [])]
    return dl.side_by_side(
        rivals,
        data=dataset,
        baselines=baselines,
        figures=figures,
        sheet=sheet,
        translate=translate,
        alarms=ALARMS,
        claims=[
            dl.Claim(f"{metric} is less than with L1 alone", dl.OURS, L1_ALONE, f"-{metric}") for metric in metrics
        ],
    )


if __name__ == "__main__":
    dl.launch(Config, build)
