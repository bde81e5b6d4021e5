"""CLIP: pictures and captions as vectors of one space, so that a sentence finds a picture and a picture its name.

    python -m experiments.text_to_image.clip
    python -m experiments.text_to_image.clip --image_encoder=vit --text_encoder=transformer
    python -m deeplearn.text_to_image.search --weights=runs/text_to_image.clip --folder=PATH --text="woman judge"

Two encoders are trained together (Radford et al. 2021): of a batch's captions each should find its picture, and of
its pictures each its caption, by the cosine of their vectors over a learned temperature (symmetric InfoNCE). Where
several examples have one picture, their target is shared. Emoji are drawn on one grid, and a perceptron of their
pixels reads new combinations best; photographs want a ResNet or a ViT. Test pictures are new combinations: tones of
skin (`_tone`) and persons (`_person`) that training shows elsewhere, but never together with this kind.

Measured are retrieval both ways: `image_at_1` and `image_at_5`, whether a caption finds its picture among all there
are, training's too; `image_at_1_of_100`, among a hundred of them; `text_at_1`, whether a picture finds its caption.
Then classification without a label (`zero_shot_tone`, …), by prompts made of captions, beside a linear probe of the
same vectors (`probe_tone`). Beside them: regression from pixels to words, and a linear probe of pixels.
"""

import dataclasses
from functools import partial
from typing import Any

from deeplearn import train as dl
from deeplearn.data import Dataset
from deeplearn.data.augmentation import augment
from deeplearn.data.subsets import spaced
from deeplearn.figures.grid import credited
from deeplearn.figures.plots import bars
from deeplearn.figures.retrieved import retrieved
from deeplearn.models.clip import Clip
from deeplearn.text_to_image.captions import need_captions, texts_of
from deeplearn.text_to_image.clip import (
    IMAGE_ENCODERS,
    TEXT_ENCODERS,
    contrast,
    picture_vectors,
    small_clip,
    text_vectors,
)
from deeplearn.text_to_image.clip_evaluation import classified, clip_baselines, retrieval

ROWS = 10  # captions in the sheet


@dataclasses.dataclass(frozen=True)
class Config(dl.OptimizerConfig):
    dataset: str = "openmoji/people-32"
    steps: int = 4000
    batch_size: int = 128
    optimizer: str = "adamw"
    schedule: str = "warmup_cosine"
    learning_rate: float = 2e-3
    weight_decay: float = 0.1
    clip: float = 1.0
    image_encoder: str = dl.flag("pixels", "the encoder of pictures", choices=IMAGE_ENCODERS)
    text_encoder: str = dl.flag("bag", "the encoder of captions", choices=TEXT_ENCODERS)
    width: int = dl.flag(32, "of a ResNet's first stage; transformers have 4 times this, a perceptron 32", min=1)
    layers: int = dl.flag(2, "of a perceptron or a transformer", min=1)
    patch: int = dl.flag(4, "pixels a side of the ViT's patches", min=1)
    features: int = dl.flag(128, "of the vectors", min=2)
    dropout: float = dl.flag(0.3, "fraction of a perceptron's or a transformer's features dropped", min=0, max=0.9)
    augmentation: str = dl.flag("", "changes of training images, joined by commas (empty: none)")

    # The budget of the paper: 32 epochs of 400 million pairs, which nobody gives away, of 224 pixels.
    PAPER = {
        "image_encoder": "vit",
        "text_encoder": "transformer",
        "width": 192,
        "layers": 12,
        "features": 512,
        "dropout": 0.0,
        "batch_size": 32_768,
        "learning_rate": 5e-4,
        "weight_decay": 0.2,
        "steps": 390_000,
    }
    TINY = {"dataset": "openmoji/people-16", "width": 4, "features": 8, "layers": 1}


def align(model: Clip, batch: dl.Batch, augmentation: str) -> dl.Losses:
    if augmentation:
        batch = {**batch, "image": augment(augmentation, model.make_rng("noise"), batch["image"])}
    return contrast(model, batch)


def encoders(trained: dl.Trained) -> tuple[Any, Any]:
    """Rows -> vectors, of their pictures and of their captions."""
    return (
        lambda rows: trained.over(picture_vectors, rows["image"]),
        lambda rows: trained.over(text_vectors, {name: rows[name] for name in ("tokens", "length")}),
    )


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    images, texts = encoders(trained)
    found = retrieval(images, texts, dataset)
    metrics = {**found.metrics, **classified(images, texts, dataset)}
    return {dl.OURS: dl.Measured(metrics, found.arrays)}


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    return clip_baselines(dataset)


def found_pictures(dataset: Dataset, arrays: Any) -> Any:
    """Test pictures, whose captions stand beside them, and those that these find first."""
    test = dataset.test.arrays()
    rows = spaced(len(test["length"]), ROWS)
    names = texts_of({name: column[rows] for name, column in test.items()}, dataset)
    nearest = arrays["pictures"][arrays["nearest"][rows]]
    sheet = retrieved(test["image"][rows], nearest, arrays["right"][rows], names)
    return credited(sheet, dataset.about.get("credit", ""))


def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
    return found_pictures(dataset, retrieval(*encoders(trained), dataset).arrays)


def figures(report: dl.Report) -> dict[str, Any]:
    rows = {"CLIP" if name == dl.OURS else name: row.metrics for name, row in report.rows.items()}
    scores = {row: metrics["image_at_1"] for row, metrics in rows.items() if "image_at_1" in metrics}
    return {
        "found": partial(found_pictures, report.dataset, report.ours.arrays),
        "retrieval": lambda: bars(scores, "captions that find their picture among all"),
    }


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    need_captions(dataset)
    depth = (config.layers, config.patch, config.dropout)
    model = small_clip(dataset, config.image_encoder, config.text_encoder, config.width, config.features, *depth)
    stage = dl.Stage(
        [dl.Turn(partial(align, augmentation=config.augmentation))], config.chain(), config.steps, ema=0.99
    )
    claim = dl.Claim(
        "captions find more pictures than regression to words",
        dl.OURS,
        "kernel ridge, pixels to words",
        "image_at_1",
    )
    return dl.Experiment(
        model, [stage], dataset, evaluate, baselines=baselines, figures=figures, sheet=sheet, claims=[claim]
    )


if __name__ == "__main__":
    dl.launch(Config, build)
