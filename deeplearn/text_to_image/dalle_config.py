"""The flags of DALL·E, and what they must be."""

from __future__ import annotations

import dataclasses

from deeplearn import train as dl
from deeplearn.data import Dataset
from deeplearn.errors import UserError
from deeplearn.text_to_image.captions import need_captions
from deeplearn.text_to_image.clip import IMAGE_ENCODERS
from deeplearn.text_to_image.codes import CodeConfig
from deeplearn.text_to_image.completion import Completing


@dataclasses.dataclass(frozen=True)
class DalleConfig(CodeConfig, Completing):
    code_run: str = dl.flag("", "a run of text_to_image.vqvae whose code is used (empty: one is trained first)")
    steps: int = dl.flag(1500, "steps of the decoder, the transformer over text and codes", min=1)
    batch_size: int = dl.flag(32, "examples in a batch of the decoder", min=1)
    width: int = dl.flag(192, "features of the decoder, a multiple of --heads", min=1)
    depth: int = dl.flag(4, "its layers", min=1)
    heads: int = dl.flag(6, "of each attention", min=1)
    dropout: float = dl.flag(0.1, "fraction of features that its layers drop", min=0, max=0.9)
    text_prefix: bool = dl.flag(True, "read the text in both directions and do not predict it")
    word_sums: bool = dl.flag(True, "tell each place which vector a bag of words foresees there")
    bag_steps: int = dl.flag(8000, "steps of the small network that does, before the decoder", min=1)
    bag_batch: int = dl.flag(64, "examples in a batch of it", min=1)
    bag_rate: float = dl.flag(5e-3, "Adam's rate for it after a warm-up; falls to 0 along a cosine", min=0)
    attention: str = dl.flag("full", "sparse: by row, column and neighbourhood", choices=("full", "sparse"))
    kernel: int = dl.flag(5, "codes of a side of a sparse neighbourhood, odd", min=1)
    wrong_codes: float = dl.flag(0.5, "fraction of the codes read in training that are random", min=0, max=1)
    learning_rate: float = dl.flag(2e-3, "Adam's rate after a warm-up; falls to 0 along a cosine", min=0)
    ema: float = dl.flag(0.995, "decay of the moving average of the decoder's weights", min=0, max=1)
    clip_steps: int = dl.flag(2000, "steps of the CLIP that ranks pictures", min=1)
    clip_batch: int = dl.flag(128, "examples in its batches: all others are negatives", min=2)
    image_encoder: str = dl.flag("pixels", "its encoder of pictures", choices=IMAGE_ENCODERS)
    clip_width: int = dl.flag(
        32, "of a ResNet's first stage; transformers have 4 times this, a perceptron 32", min=1
    )
    candidates: int = dl.flag(8, "pictures that CLIP ranks", min=1)
    temperature: float = dl.flag(1.0, "of the codes that are drawn; 0 is the most probable one", min=0)
    top_k: int = dl.flag(0, "draw among so many of the most probable codes; 0: all", min=0)

    # The 12 billion of the paper and its budget. Its pictures have 256 pixels a side, its captions 256 tokens of a
    # vocabulary of 16,384: `deeplearn.models.dalle.dalle_12b` has these, too.
    PAPER = {
        "dataset": "openmoji/people-64",
        "quantiser": "gumbel",
        "code_steps": 3_000_000,
        "code_batch": 512,
        "clip_batch": 1024,
        "code_rate": 1e-4,
        "code_factor": 8,
        "codes": 8192,
        "code_width": 256,
        "steps": 430_000,
        "batch_size": 1024,
        "width": 3968,
        "depth": 64,
        "heads": 62,
        "text_prefix": False,
        "word_sums": False,
        "attention": "sparse",
        "kernel": 11,
        "completer_steps": 0,
        "wrong_codes": 0.0,
        "learning_rate": 4.5e-4,
        "ema": 0.999,
        "candidates": 512,
    }
    TINY = {
        "dataset": "openmoji/people-16",
        "code_steps": 2,
        "code_batch": 8,
        "code_factor": 8,
        "codes": 8,
        "code_features": 4,
        "code_width": 8,
        "code_blocks": 0,
        "bag_steps": 2,
        "bag_batch": 8,
        "width": 8,
        "depth": 1,
        "heads": 2,
        "clip_steps": 2,
        "clip_batch": 8,
        "clip_width": 2,
        "candidates": 2,
        "completer_steps": 2,
    }


def best_row(config: DalleConfig) -> str:
    """The row of those pictures that CLIP chose."""
    return f"best of {config.candidates} by CLIP"


def need_dalle(config: DalleConfig, dataset: Dataset) -> None:
    """UserError unless the data have captioned pictures, and the flags make networks of them."""
    need_captions(dataset)
    if config.levels != 1:
        raise UserError("DALL·E reads codes of one level: give --levels=1")
    if config.width % config.heads:
        raise UserError(f"--width={config.width} should be a multiple of --heads={config.heads}")
    if config.kernel % 2 == 0:
        raise UserError(f"--kernel={config.kernel} should be odd: a code lies in the middle of its neighbourhood")
