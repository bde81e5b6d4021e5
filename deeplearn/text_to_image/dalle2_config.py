"""The flags of DALL·E 2, and what they must be."""

from __future__ import annotations

import dataclasses

from deeplearn import train as dl
from deeplearn.data import Dataset
from deeplearn.errors import UserError
from deeplearn.models.denoiser import GROUPS
from deeplearn.text_to_image.captions import need_captions
from deeplearn.text_to_image.cascade import Cascade, need_cascade
from deeplearn.text_to_image.clip import IMAGE_ENCODERS, TEXT_ENCODERS
from deeplearn.text_to_image.networks import need_heads


@dataclasses.dataclass(frozen=True)
class UnclipConfig(Cascade):
    dataset: str = "openmoji/people-32"
    sides: tuple[int, ...] = (16, 32)
    steps: int = dl.flag(4500, "steps of the decoder", min=1)
    # Trained on crops, they see a quarter of each picture, and neither text nor place: they can be larger.
    upsampler_steps: int = 8000
    upsampler_widths: tuple[int, ...] = (64, 128)
    clip_steps: int = dl.flag(2000, "steps of CLIP", min=1)
    prior_steps: int = dl.flag(2000, "steps of the prior", min=1)
    clip_batch: int = dl.flag(128, "examples in a batch of CLIP: all others are negatives", min=2)
    prior_batch: int = dl.flag(64, "examples in a batch of the prior", min=1)
    network: str = dl.flag(
        "small", "prior, decoder and upsamplers: small ones, or the paper's own", choices=("small", "published")
    )
    image_encoder: str = dl.flag("pixels", "CLIP's encoder of pictures", choices=IMAGE_ENCODERS)
    text_encoder: str = dl.flag("bag", "CLIP's encoder of captions", choices=TEXT_ENCODERS)
    clip_width: int = dl.flag(
        32, "of a ResNet's first stage; transformers have 4 times this, a perceptron 32", min=1
    )
    clip_dropout: float = dl.flag(
        0.3, "fraction of a perceptron's or a transformer's features dropped in CLIP", min=0, max=0.9
    )
    features: int = dl.flag(128, "of the vectors of pictures and captions", min=2)
    prior: str = dl.flag("diffusion", "how a picture's vector is made", choices=("diffusion", "autoregressive"))
    prior_width: int = dl.flag(128, "features of the prior's transformer, a multiple of four heads", min=4)
    prior_layers: int = dl.flag(3, "its layers", min=1)
    components: int = dl.flag(32, "principal components that the autoregressive prior draws", min=1)
    levels: int = dl.flag(64, "levels that each of them is cut into", min=2)
    drop_vector: float = dl.flag(
        0.1, "fraction of pictures' vectors left out of the decoder's training", min=0, max=1
    )
    noised_vector: float = dl.flag(
        0.7, "most noise on pictures' vectors in the decoder's training, of their length", min=0
    )
    drop_text: float = dl.flag(0.5, "fraction of captions left out of the decoder's training", min=0, max=1)
    drop_prior_text: float = dl.flag(0.1, "the same of the prior's", min=0, max=1)
    blur: float = dl.flag(0.6, "largest standard deviation of the blur of a smaller picture in training", min=0.1)
    prior_sampling_steps: int = dl.flag(24, "levels that the prior's sampler visits", min=2)
    prior_guidance: float = dl.flag(0.0, "how far vectors are pushed towards the caption (0: not at all)", min=0)
    learning_rate: float = dl.flag(2e-3, "Adam's rate after 200 steps of warm-up; falls to 0 along a cosine", min=0)

    # The networks of the paper's table 3 and its steps; its own sizes are --sides=64,256,1024 with
    # --dataset=captions:DIR@1024. Its batches of 2048 are more than the default set has, and each stage has a rate
    # of its own there, of which this is the decoder's. CLIP stays small: the paper takes one that is trained.
    PAPER = {
        "network": "published",
        "features": 768,
        "clip_batch": 1024,
        "prior_batch": 1024,
        "batch_size": 1024,
        "prior_steps": 600_000,
        "steps": 800_000,
        "upsampler_steps": 1_000_000,
        "learning_rate": 1.2e-4,
        "ema": 0.9999,
        "completer_steps": 0,
        "noised_vector": 0.0,
    }
    TINY = {
        **Cascade.TINY,
        "clip_steps": 2,
        "prior_steps": 2,
        "clip_batch": 8,
        "prior_batch": 8,
        "clip_width": 4,
        "features": 8,
        "prior_width": 8,
        "prior_layers": 1,
        "prior_sampling_steps": 2,
    }

    @property
    def names(self) -> list[str]:
        """Of the stages."""
        return ["clip", "prior", "decoder", *(f"upsampler_{side}" for side in self.sides[1:])]


def need_unclip(config: UnclipConfig, dataset: Dataset) -> None:
    """UserError unless the data have captioned pictures, and the flags make networks of them."""
    need_captions(dataset)
    need_cascade(config, dataset)
    if config.network == "published":
        # The decoder halves its pictures three times, the upsamplers crops of half the side three and five times.
        for side, part in zip(config.sides, (8, 16, 64), strict=False):
            if side % part:
                raise UserError(f"--network=published: {side} pixels of a side should be a multiple of {part}")
        if len(config.sides) > 3 or config.prior != "diffusion":
            raise UserError("--network=published has a diffusion prior, a decoder and two upsamplers at most")
        return
    if not config.widths or not config.upsampler_widths:
        raise UserError("--widths and --upsampler_widths should have a number or more each")
    for number, (side, places) in enumerate(zip(config.sides, config.places, strict=False)):
        widths = config.upsampler_widths if number else config.widths
        if side % places or places % 2 ** (len(widths) - 1 + bool(number)):
            raise UserError(f"--places: {side} pixels cannot be cut into {places} places and halved for {widths}")
    for width in (*config.widths, *config.upsampler_widths):
        if width % GROUPS:
            raise UserError(f"a width of {width} should be a multiple of {GROUPS}, the groups of group norm")
    need_heads(config.widths[-1])
    if config.prior_width % 4:
        raise UserError(f"--prior_width={config.prior_width} should be a multiple of four, the prior's heads")
    if config.prior == "autoregressive" and config.components > min(config.features, len(dataset.train)):
        raise UserError(f"--components={config.components} are more than --features={config.features}, or examples")
