"""The U-Net that a page's flags describe."""

from __future__ import annotations

from collections.abc import Sequence

from deeplearn.errors import UserError
from deeplearn.models.denoiser import GROUPS
from deeplearn.models.text_unet import Level, TextUNet


def unet(widths: Sequence[int], side: int, places: int, reads: bool = True) -> TextUNet:
    """A U-Net for pictures of `side` pixels, cut into `places` a side, of which `widths` gives the channels.

    reads: the smallest pictures look at themselves and at the text. UserError where the numbers do not fit.
    """
    if not widths:
        raise UserError("a U-Net has at least one width, such as --widths=64,128")
    if reads and widths[-1] % max(1, widths[-1] // TextUNet.head):
        raise UserError(
            f"a last width of {widths[-1]} channels cannot be dealt to heads: a multiple of {TextUNet.head} can"
        )
    if any(width % GROUPS for width in widths):
        raise UserError(f"widths of {', '.join(map(str, widths))} channels: each should be a multiple of {GROUPS}")
    if side % places:
        raise UserError(f"--places: pictures of {side} pixels cannot be cut into {places} places a side")
    if places % 2 ** (len(widths) - 1):
        raise UserError(f"--places: {places} places a side cannot be halved {len(widths) - 1} times: fewer widths")
    last = Level(widths[-1], to_itself=reads, to_text=reads)
    return TextUNet((*map(Level, widths[:-1]), last), side // places)
