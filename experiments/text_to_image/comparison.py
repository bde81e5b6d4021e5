"""DALL·E, DALL·E 2 and Imagen on the same captions: which of them draws what was asked for, and at what cost.

    python -m experiments.text_to_image.comparison
    python -m experiments.text_to_image.comparison --dalle=runs/text_to_image.dalle \\
        --dalle2=runs/text_to_image.dalle2 --imagen=runs/text_to_image.imagen --workdir=runs/comparison

Codes and one transformer (Ramesh et al. 2021); CLIP, a prior and a diffusion decoder (Ramesh et al. 2022); a text
encoder and diffusion alone (Saharia et al. 2022): trained here, each for --share of its own steps, or opened where
a finished run is named. Measured are pictures for the same captions: `identity_seen` of training's, `identity_tone`
and `identity_person` of combinations that training never shows (of `shapes`, attribute binding, relations and
counts); `clip_found`, how often a CLIP that made none of them finds the caption among 100 by the picture; the
Fréchet and kernel distance of pixels; captions that leave something open; words that training does not have;
seconds a picture, parameters, and 10¹² operations of all training. DALL·E's codes are the likeliest, the others'
pictures one sample each.
"""

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from deeplearn import data, runs
from deeplearn import train as dl
from deeplearn.data import Dataset
from deeplearn.errors import UserError
from deeplearn.figures.captioned import captioned
from deeplearn.models.dalle import Dalle
from deeplearn.nn.functional import area_means
from deeplearn.text_to_image import completion, dalle, dalle2, imagen
from deeplearn.text_to_image.baselines import picture_baselines
from deeplearn.text_to_image.captions import need_captions, texts_of
from deeplearn.text_to_image.clip import picture_vectors, text_vectors
from deeplearn.text_to_image.clip_evaluation import caption_found
from deeplearn.text_to_image.dalle2_config import UnclipConfig
from deeplearn.text_to_image.dalle2_drawing import pictures as dalle2_pictures
from deeplearn.text_to_image.dalle_config import DalleConfig
from deeplearn.text_to_image.imagen import ImagenConfig
from deeplearn.text_to_image.opened import opened
from deeplearn.text_to_image.paraphrases import paraphrase_quality
from deeplearn.text_to_image.partial_captions import Draw, partial_quality
from deeplearn.text_to_image.quality import asked_rows, picture_quality
from deeplearn.text_to_image.sheet import some_rows
from deeplearn.train.plan import training_flops

SYSTEMS: dict[str, Any] = {"dalle": dalle.system, "dalle2": dalle2.system, "imagen": imagen.system}
TITLES = {"dalle": "DALL·E", "dalle2": "DALL·E 2", "imagen": "Imagen"}
TIMED = 16  # pictures that are made to see how long one takes
STEPS = ("steps", "code_steps", "bag_steps", "clip_steps", "prior_steps", "upsampler_steps", "completer_steps")
BATCHES = ("batch_size", "code_batch", "bag_batch", "clip_batch", "prior_batch")


@dataclasses.dataclass(frozen=True)
class Config(dl.Config):
    dataset: str = "openmoji/people-32"
    share: float = dl.flag(0.5, "how much of its own steps each pipeline has, where it is trained here", min=1e-6)
    networks: str = dl.flag(
        "own", "those of each page, of a few features, or of the papers", choices=("own", "tiny", "published")
    )
    dalle: str = dl.flag("", "a finished run of text_to_image.dalle, opened and not trained")
    dalle2: str = dl.flag("", "the same of text_to_image.dalle2")
    imagen: str = dl.flag("", "the same of text_to_image.imagen")

    PAPER = {"networks": "published", "share": 1.0}
    TINY = {"dataset": "openmoji/people-16", "networks": "tiny", "share": 1e-6}


def own_config(config: Config, name: str, dataset: Dataset) -> Any:
    """The flags of a pipeline that is trained here."""
    kind: Any = {"dalle": DalleConfig, "dalle2": UnclipConfig, "imagen": ImagenConfig}[name]
    side = min(dataset.image_shape[:2])
    flags = {"own": {}, "tiny": kind.TINY, "published": kind.PAPER}[config.networks]
    if name != "dalle" and config.networks != "tiny":
        flags = {**flags, "sides": (side // 2, side)}
    one = kind(**{**flags, "dataset": config.dataset, "seed": config.seed})
    steps = {step: max(2, round(config.share * getattr(one, step))) for step in STEPS if getattr(one, step, 0)}
    # There is no flag here for each pipeline's batches: of few pictures they are as small as need be.
    most = len(dataset.train)
    batches = {batch: min(getattr(one, batch), most) for batch in BATCHES if hasattr(one, batch)}
    return dataclasses.replace(one, **steps, **batches)


def pipeline(config: Config, name: str, dataset: Dataset) -> dl.Rival:
    if path := getattr(config, name):
        run = runs.open(Path(path))
        if run.name != f"text_to_image.{name}" or run.described.vocabulary != dataset.vocabulary:
            raise UserError(
                f"--{name}={path} is a run of {run.name} on {run.config.dataset}: name one of text_to_image.{name} "
                f"on {config.dataset}, or on the same captions with larger pictures"
            )
        return dataclasses.replace(opened(run, name), row=TITLES[name], facts={"config": run.config})
    own = own_config(config, name, dataset)
    found: dl.Rival = SYSTEMS[name](own, dataset)
    stages = [dataclasses.replace(stage, name=f"{name}, {stage.name}") for stage in found.stages]
    return dataclasses.replace(found, stages=stages, row=TITLES[name], facts={"config": own})


def operations(name: str, config: Any, dataset: Dataset) -> float:
    """Of all steps of a pipeline's training on its own data; not of a code that it took from another run."""
    own = dataset if config.dataset == dataset.name else data.load(config.dataset, config.data_dir or None)
    found = SYSTEMS[name](config, own)
    return training_flops(dl.Experiment(model=found.model, stages=found.stages, data=own), config)


def drawing(trained: dl.Trained, name: str, dataset: Dataset) -> Draw:
    """texts -> pictures [N, side, side, C] of the pipeline; what they leave open is completed, words that it never
    learnt are left out."""
    own, config = trained[name], trained[name].facts["config"]

    def draw(texts: Sequence[str]) -> np.ndarray:
        if name == "dalle":
            made = dalle.of_texts(own, dataset, texts)
        elif name == "dalle2":
            read = completion.read(own, dataset, texts)
            made = dalle2_pictures(own, config, dataset.image_shape[2], *read)[-1]
        else:
            made = imagen.pictures(own, config, dataset, *imagen.texts_for(own, config, dataset, texts))[-1]
        # A run of larger pictures of the same captions is looked at as small as the data set's.
        return resized(made, dataset) if made.shape[1] > dataset.image_shape[0] else made

    return draw


def of_pictures(model: Dalle, image: jax.Array) -> jax.Array:
    return picture_vectors(model.clip, image)


def of_captions(model: Dalle, batch: dl.Batch) -> jax.Array:
    return text_vectors(model.clip, batch)


def resized(image: np.ndarray, dataset: Dataset) -> np.ndarray:
    """At the data set's size, which CLIP reads: means of areas, or pixels repeated."""
    side = dataset.image_shape[0]
    if image.shape[1] >= side:
        return np.asarray(area_means(image, side))
    return image.repeat(side // image.shape[1], axis=1).repeat(side // image.shape[1], axis=2)


def measured(trained: dl.Trained, name: str, dataset: Dataset) -> dl.Measured:
    asked, draw = asked_rows(dataset), drawing(trained, name, dataset)
    image = draw(texts_of(asked, dataset))
    metrics = picture_quality(image, dataset, asked)
    judge = trained["dalle"]  # its CLIP only ranks, and took no part in these pictures
    test = asked["seen"] == 0
    columns = {key: asked[key][test] for key in ("tokens", "length")}
    metrics["clip_found"] = caption_found(
        lambda rows: judge.over(of_pictures, rows["image"]),
        lambda rows: judge.over(of_captions, rows),
        {**columns, "image": resized(image[test], dataset)},
    )
    if trained[name].model.completer:
        metrics |= partial_quality(draw, dataset)
    metrics |= paraphrase_quality(draw, dataset)
    some = texts_of(asked, dataset)[:TIMED]
    draw(some)  # compiled before it is timed
    begun = time.perf_counter()
    draw(some)
    metrics["seconds_a_picture"] = (time.perf_counter() - begun) / len(some)
    metrics["training_tflop"] = operations(name, trained[name].facts["config"], dataset) / 1e12
    metrics["parameters"] = sum(x.size for x in jax.tree.leaves(trained[name].variables["params"]))
    return dl.Measured(metrics, {"image": image})


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    rows = {TITLES[name]: measured(trained, name, dataset) for name in TITLES}
    return {dl.OURS: rows.pop("Imagen"), **rows}


def figures(report: dl.Report) -> dict[str, Any]:
    asked = asked_rows(report.dataset)
    rows = {title: report.rows[title].arrays["image"] for title in ("DALL·E", "DALL·E 2")}

    def sheet() -> Any:
        made = {**rows, "Imagen": report.ours.arrays["image"]}
        some = some_rows({**asked, **made}, 10)
        pictures = np.concatenate([some["image"], *(resized(some[title], report.dataset) for title in made)])
        count = len(some["image"])
        texts = [*texts_of(some, report.dataset), *(title for title in made for _ in range(count))]
        return captioned(pictures, texts, count, credit=report.dataset.about.get("credit", ""), tile=96)

    return {"samples": sheet}


CLAIMS = tuple(
    dl.Claim(f"{better} draws more of the tones that training never shows than {than}", one, other, "identity_tone")
    for better, than, one, other in (
        ("Imagen", "DALL·E", dl.OURS, "DALL·E"),
        ("Imagen", "DALL·E 2", dl.OURS, "DALL·E 2"),
    )
)


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    need_captions(dataset)
    names = ("imagen", "dalle", "dalle2")
    return dl.side_by_side(
        {name: pipeline(config, name, dataset) for name in names},
        data=dataset,
        evaluate=evaluate,
        baselines=lambda trained, dataset: picture_baselines(dataset),
        figures=figures,
        claims=CLAIMS if "kind" in dataset.train.spec and "tone" in dataset.train.spec else (),
    )


if __name__ == "__main__":
    dl.launch(Config, build)
