"""VQ-VAE: pictures as codes of a small alphabet, and a prior over the codes by which new pictures are drawn.

    python -m experiments.text_to_image.vqvae
    python -m experiments.text_to_image.vqvae --levels=2                          # VQ-VAE-2
    python -m experiments.text_to_image.vqvae --quantiser=gumbel                  # DALL·E's discrete VAE
    python -m experiments.text_to_image.vqvae --dataset=folder:PATH@32 --prior=pixelcnn

Van den Oord et al. 2017: an encoder's vectors are replaced by the nearest of a codebook that follows them, and the
gradient passes straight through. Then the code is frozen and an autoregressive prior learns its sequences: a
transformer, or a gated PixelCNN. `psnr` and, of captioned pictures, `identity_tone` and the like are of
reconstructions of test pictures; `codes_used` and their perplexity are of training's; `code_bits_per_dim` is the
prior's, of codes, over the numbers of a picture, and no likelihood of pixels. Baselines:
principal components, a code for each patch by itself (k-means), and places of the prior one by one.
"""

import dataclasses
import math
from typing import Any

import jax
import numpy as np
import optax

from deeplearn import train as dl
from deeplearn.baselines.codes import independent_codes, patch_codes
from deeplearn.data import Dataset
from deeplearn.data.subsets import evenly_spaced
from deeplearn.figures.grid import image_grid, image_rows
from deeplearn.metrics.pictures import psnr
from deeplearn.models.code_prior import PRIORS, CodeModel, code_prior
from deeplearn.text_to_image.codes import CodeConfig, code, code_stage, codes_used, frozen_codes, reconstructed
from deeplearn.text_to_image.quality import asked_rows, picture_quality, sets_apart

SHOWN = 64


@dataclasses.dataclass(frozen=True)
class Config(CodeConfig):
    codes: int = 1024
    steps: int = dl.flag(3000, "steps of the prior", min=1)
    batch_size: int = 32
    learning_rate: float = dl.flag(1e-3, "Adam's rate for the prior; falls to 0 along a cosine", min=0)
    prior: str = dl.flag("transformer", "the prior over codes", choices=PRIORS)
    width: int = dl.flag(128, "features of the prior; four divides them", min=4)
    layers: int = dl.flag(4, "of the prior", min=1)
    temperature: float = dl.flag(1.0, "of the codes that are drawn", min=0)

    # Van den Oord et al.'s ImageNet at 128 pixels has 32 × 32 codes of 512; theirs of CIFAR 8 × 8.
    PAPER = {
        "dataset": "cifar10",
        "codes": 512,
        "code_features": 64,
        "code_width": 256,
        "code_batch": 128,
        "code_steps": 250_000,
        "code_rate": 2e-4,
        "prior": "pixelcnn",
        "width": 256,
        "layers": 15,
        "steps": 250_000,
    }
    TINY = {"code_steps": 4, "code_width": 8, "code_blocks": 1, "codes": 8, "width": 8, "layers": 1}


def learn_codes(model: CodeModel, batch: dl.Batch) -> dl.Losses:
    """The prior's loss: nats of a code."""
    codes = frozen_codes(model.code, batch["image"])
    logits = model.prior(codes, train=True)
    return optax.softmax_cross_entropy_with_integer_labels(logits, codes).mean(), {}


def nats(model: CodeModel, batch: dl.Batch) -> dl.Metrics:
    codes = model.code.encode(batch["image"])
    each = optax.softmax_cross_entropy_with_integer_labels(model.prior(codes), codes)
    return {"nats_per_code": each.mean()}


def seen_again(model: CodeModel, image: jax.Array) -> tuple[jax.Array, jax.Array]:
    return reconstructed(model.code, image)


def drawn(model: CodeModel, count: int, temperature: float) -> jax.Array:
    return model.code.decode(model.prior.draw(count, temperature))


def samples(trained: dl.Trained, count: int) -> np.ndarray:
    return np.asarray(trained(drawn, count=count, temperature=trained.config.temperature))


def evaluate(trained: dl.Trained, dataset: Dataset) -> dl.Rows:
    test = dataset.test.arrays(2000)
    made, codes = trained.over(seen_again, test["image"], 100)
    _, of_train = trained.over(seen_again, dataset.train.arrays(10_000)["image"], 100)
    metrics = {"psnr": float(psnr(made, test["image"]).mean()), **codes_used(trained.model.code, of_train)}
    if dataset.vocabulary is not None and "tokens" in dataset.train.spec:
        asked = asked_rows(dataset)
        metrics |= picture_quality(trained.over(seen_again, asked["image"], 100)[0], dataset, asked)
    metrics |= trained.mean(nats, test, 100)
    bits = metrics["nats_per_code"] / math.log(2)
    metrics["code_bits_per_dim"] = bits * trained.model.code.tokens / dataset.pixels
    true = evenly_spaced(dataset.test, SHOWN * 4)["image"]
    image = samples(trained, len(true))
    metrics |= {f"{name}_samples": value for name, value in sets_apart(image, true).items()}
    return dl.ours(metrics, reconstructed=made[:SHOWN], image=image[:SHOWN], codes=codes, train_codes=of_train)


def baselines(trained: dl.Trained, dataset: Dataset) -> dict[str, Any]:
    config = trained.config

    def codes_of(image: np.ndarray) -> np.ndarray:
        return np.asarray(trained.over(seen_again, image, 100)[1])

    patches = patch_codes(dataset, config.code_factor, config.codes)
    return patches | independent_codes(dataset, codes_of, config.codes)


def sheet(trained: dl.Trained, dataset: Dataset) -> Any:
    """Test pictures above their reconstructions, and samples."""
    image = dataset.test.arrays(16)["image"]
    rows = {"test": image, "from codes": np.asarray(trained(seen_again, image)[0]), "samples": samples(trained, 16)}
    return image_rows(rows, dataset.image_shape)


def figures(report: dl.Report) -> dict[str, Any]:
    def reconstructions() -> Any:
        made = report.ours.arrays["reconstructed"][:16]
        rows = {"test": report.dataset.test.arrays(len(made))["image"], "from codes": made}
        return image_rows(rows, report.dataset.image_shape)

    return {
        "reconstructions": reconstructions,
        "samples": lambda: image_grid(report.ours.arrays["image"], columns=8),
    }


def build(config: Config, dataset: Dataset) -> dl.Experiment:
    codes = code(config, dataset)
    prior = code_prior(config.prior, codes, config.width, config.layers)
    rate = optax.cosine_decay_schedule(config.learning_rate, config.steps)
    adam = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(rate))
    return dl.Experiment(
        model=CodeModel(codes, prior),
        stages=[
            code_stage(config, dataset, "code"),
            dl.Stage([dl.Turn(learn_codes, ("prior",))], adam, config.steps, "prior", ema=0.99),
        ],
        data=dataset,
        evaluate=evaluate,
        baselines=baselines,
        figures=figures,
        sheet=sheet,
    )


if __name__ == "__main__":
    dl.launch(Config, build)
