"""CycleGAN: translation between two sets of pictures without a pair, by going there and back; a transfer of style.

    python -m experiments.adversarial.cyclegan
    python -m experiments.adversarial.cyclegan --dataset=unpaired/skin_tones --workdir=runs/skin_tones
    python -m experiments.adversarial.cyclegan --dataset=unpaired:PHOTOGRAPHS,PAINTINGS@64 --workdir=runs/mine
    python -m deeplearn.runs translate --run=runs/mine --folder=IN --out=OUT

Zhu et al. 2017: least squares against a discriminator on each side, which sees a history of 50 generated images;
10 · the L1 distance to the picture after there and back; 5 · the L1 distance of what is of the other side already.
Of `unpaired/…` the true pairs are known to the test alone: `l1`, `psnr` and `ssim` are to the truth, and
`of_identity` is the L1 error as a fraction of the untranslated picture's. Else, and besides, `patch_distance` to
the other side's test pictures, and `cycle`, the L1 distance after there and back. Baselines: the picture itself;
its levels matched to the other side's histogram; the nearest picture of the other side's training set.
"""

import dataclasses
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np

from deeplearn import train as dl
from deeplearn.adversarial.config import GameConfig
from deeplearn.adversarial.translators import CycleGAN
from deeplearn.adversarial.turns import discriminate_each, flatten_each, judge
from deeplearn.adversarial.watch import ALARMS
from deeplearn.baselines.picture_translators import picture_translators
from deeplearn.data import Dataset
from deeplearn.data.unpaired import unpaired
from deeplearn.errors import UserError
from deeplearn.figures.grid import credited, image_rows, spread
from deeplearn.losses.adversarial import GAMES
from deeplearn.metrics.pictures import compared, patch_distance
from deeplearn.models.pix2pix import PatchGAN, need_patches
from deeplearn.models.resnet_generator import ResNetGenerator, need_quarters

SHOWN = 12


@dataclasses.dataclass(frozen=True)
class Config(GameConfig):
    dataset: str = "unpaired/fonts"
    batch_size: int = 8
    steps: int = 2000
    game: str = "least_squares"
    cycle: float = dl.flag(10.0, "weight of the L1 distance after there and back, of pixels in [−1, 1]", min=0)
    identity: float = dl.flag(0.5, "weight of the identity loss, times that of the cycle", min=0)
    pool: int = dl.flag(50, "generated images in the history that a discriminator is shown", min=1)
    features: int = dl.flag(16, "channels of the first layers of all networks", min=1)
    blocks: int = dl.flag(3, "residual blocks of a generator", min=1)
    layers: int = dl.flag(1, "layers of stride 2 of a discriminator: 1, 2, 3: patches of 16, 34, 70 pixels", min=1)
    learning_rate: float = 1e-3
    schedule: str = "late_linear"

    # The paper's networks and budget (200 epochs of about 1,200 pictures), for pictures of 256 pixels.
    PAPER = {
        "dataset": "unpaired/skin_tones",
        "batch_size": 1,
        "steps": 240_000,
        "features": 64,
        "blocks": 9,
        "layers": 3,
        "learning_rate": 2e-4,
    }
    TINY = {"features": 2, "blocks": 1, "pool": 3}


def apart(x: Any, y: Any) -> Any:
    """L1 distance of pixels in [−1, 1], as in the paper, of pictures in [0, 1]."""
    return 2 * jnp.abs(x - y).mean()


def generate(model: CycleGAN, batch: dl.Batch, game: str, cycle: float, identity: float) -> dl.Losses:
    """Section 3 and, of the identity, 5.2. Each generator sees both sides at once: they do not mix."""
    source, target = batch["source"]["image"], batch["target"]["image"]
    there, still_target = jnp.split(model.translate(jnp.concatenate([source, target])), 2)
    back, still_source = jnp.split(model.back(jnp.concatenate([target, source])), 2)
    games = model.games()
    # Least squares have a ½ in `GAMES` that the paper's have only for the discriminator.
    scale = 2 if game == "least_squares" else 1
    fooled = sum(
        GAMES[game].generator(judge(games[side], (made,))) for side, made in (("target", there), ("source", back))
    )
    circle = apart(model.back(there), source) + apart(model.translate(back), target)
    same = apart(still_target, target) + apart(still_source, source)
    loss = scale * fooled + cycle * (circle + identity * same)
    return loss, {"fooled": fooled, "cycle": circle, "identity": same}


def validate(model: CycleGAN, batch: dl.Batch) -> dl.Metrics:
    return {"cycle": apart(model.back(model.translate(batch["source"])), batch["source"])}


def translate(trained: dl.Trained, dataset: Dataset, images: np.ndarray) -> np.ndarray:
    made: np.ndarray = trained.over(CycleGAN.translate, images)
    return made


def paired(dataset: Dataset) -> bool:
    return "test" in dataset.about.get("paired", ("test",))


def measure(made: np.ndarray, dataset: Dataset) -> dl.Measured:
    test = dataset.test.arrays()
    if not paired(dataset):
        metrics = {"patch_distance": patch_distance(made, test["target"])}
    else:
        metrics = compared(made, test["target"])
        metrics["of_identity"] = metrics["l1"] / max(float(np.abs(test["source"] - test["target"]).mean()), 1e-8)
    return dl.Measured(metrics, {"image": made[spread(len(made), SHOWN)]})


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    source = dataset.test.arrays()["source"]
    made = translate(trained, dataset, source)
    again, found = trained.over(CycleGAN.back, made), measure(made, dataset)
    metrics = {**found.metrics, "cycle": float(apart(again, source))}
    return dl.ours(metrics, **found.arrays, back=again[spread(len(again), SHOWN)])


def curves(trained: dl.Trained, dataset: Dataset) -> dict[str, float]:
    """Of validation, without any pair."""
    arrays = dataset.validation.arrays()
    return {"patch_distance": patch_distance(translate(trained, dataset, arrays["source"]), arrays["target"])}


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    return picture_translators(dataset, partial(measure, dataset=dataset))


def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
    arrays = dataset.validation.gather(spread(len(dataset.validation), SHOWN))
    there, back = trained.over(CycleGAN.translate, arrays["source"]), trained.over(CycleGAN.back, arrays["target"])
    rows = {"source": arrays["source"], "to target": there, "target": arrays["target"], "to source": back}
    return credited(image_rows(rows, there.shape[1:]), dataset.about.get("credit", ""))


def figures(report: dl.Report) -> dict[str, Any]:
    def there_and_back() -> Any:
        test = report.dataset.test.gather(spread(len(report.dataset.test), SHOWN))
        made = report.ours.arrays
        rows = {"source": test["source"], "there": made["image"], "and back": made["back"]}
        rows |= {"truth": test["target"]} if paired(report.dataset) else {}
        return credited(image_rows(rows, made["image"].shape[1:]), report.dataset.about.get("credit", ""))

    return {"there_and_back": there_and_back}


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    dataset.need_pairs("this experiment translates between two sets of pictures")
    shape = height, width, channels = dataset.train.spec["target"].shape
    if shape != dataset.train.spec["source"].shape:
        raise UserError(f"--dataset={dataset.name} has grey pictures on one side only: both need as many channels")
    if config.parallel == "pmap":
        raise UserError("--parallel=pmap would give each device a history of its own: use --parallel=jit")
    need_quarters(height, width)
    need_patches(height, width, config.layers)
    generator = partial(ResNetGenerator, channels, config.features, config.blocks)
    patches = partial(PatchGAN, config.features, config.layers, False, config.minibatch_stddev)
    model = CycleGAN(
        generator(),
        generator(),
        config.discriminator(patches()),
        config.discriminator(patches()),
        shape,
        config.pool,
    )
    stage = config.stage(
        partial(generate, cycle=config.cycle, identity=config.identity),
        partial(discriminate_each, weight=0.5 if config.game != "least_squares" else 1.0),
        flatten_each,
        generator=("to_target", "to_source"),
        discriminator=("target_discriminator", "source_discriminator"),
    )
    metric = "l1" if paired(dataset) else "patch_distance"
    return dl.Experiment(
        model=model,
        stages=[dataclasses.replace(stage, data=unpaired(dataset))],
        data=dataset,
        evaluate=evaluate,
        validate=validate,
        baselines=baselines,
        figures=figures,
        sheet=sheet,
        curves=curves,
        translate=translate,
        alarms=ALARMS,
        claims=[
            dl.Claim(f"{metric} is less than that of {row}", dl.OURS, row, f"-{metric}")
            for row in ("identity", "histogram matching")
        ],
    )


if __name__ == "__main__":
    dl.launch(Config, build)
