"""The U-Net that a page's flags describe."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deeplearn.data import Dataset
from deeplearn.errors import UserError
from deeplearn.models.denoiser import GROUPS
from deeplearn.models.diffusion import Diffusion
from deeplearn.models.super_resolution import details
from deeplearn.models.text_unet import Level, TextUNet
from deeplearn.nn.functional import area_means

DETAILED = 1000  # pictures whose details are measured


def need_heads(width: int) -> None:
    """UserError unless so many channels can be dealt to heads of attention."""
    if width % max(1, width // TextUNet.head):
        raise UserError(
            f"a last width of {width} channels cannot be dealt to heads: a multiple of {TextUNet.head} can"
        )


def unet(
    widths: Sequence[int],
    side: int,
    places: int,
    to_text: bool = True,
    to_itself: bool = True,
    condition: int | None = None,
) -> TextUNet:
    """A U-Net for pictures of `side` pixels, cut into `places` a side, of which `widths` gives the channels.

    to_text, to_itself: whether the smallest pictures look at the text and at themselves. condition: as in
    `TextUNet`.

    UserError where the numbers do not fit.
    """
    if not widths:
        raise UserError("a U-Net has at least one width, such as --widths=64,128")
    if to_text or to_itself:
        need_heads(widths[-1])
    if any(width % GROUPS for width in widths):
        raise UserError(f"widths of {', '.join(map(str, widths))} channels: each should be a multiple of {GROUPS}")
    if side % places:
        raise UserError(f"--places: pictures of {side} pixels cannot be cut into {places} places a side")
    if places % 2 ** (len(widths) - 1):
        raise UserError(f"--places: {places} places a side cannot be halved {len(widths) - 1} times: fewer widths")
    last = Level(widths[-1], to_itself=to_itself, to_text=to_text)
    return TextUNet((*map(Level, widths[:-1]), last), side // places, condition=condition)


def upsampler(network: TextUNet, dataset: Dataset, small: int, side: int, noise_scale: float) -> Diffusion:
    """A diffusion model of the details that pictures of `side` pixels have, and of `small` pixels lack.

    What the smaller picture says is added to what is drawn, and need not be learnt (Li et al. 2022, "SRDiff"). The
    network predicts x: of patches, whose pixels outnumber its channels, it could not repeat the noise, as ε and v
    ask for. The details' standard deviation is a fact of the data.
    """

    def find() -> float:
        image = dataset.train.arrays(DETAILED)["image"]
        return max(float(np.std(details(area_means(image, side), small))), 1e-3)

    std = dataset.fact(f"standard deviation of details from {small} to {side} pixels", find)
    return Diffusion(network, 0.0, std, "x", noise_scale=noise_scale)
