"""The U-Nets of Imagen at their published sizes (Saharia et al. 2022, section 3 and appendix F).

Published: 2 B parameters for the base, 600 M and 400 M for the super-resolutions, 4.6 B for the encoder of T5-XXL.
Here, from the appendix's widths, blocks and places of attention: 2.05 B, 476 M and 468 M, and 4.63 B for the
encoder without its embedding of tokens. The appendix does not say how many features the condition has, whether
there are blocks between the way down and the way up, nor why the two super-resolutions, whose tables differ in
self-attention alone, differ by 200 M. There the text joins the keys of self-attention in the first two; here it has
attention of its own.
"""

from __future__ import annotations

from deeplearn.models.t5_encoder import T5Encoder
from deeplearn.models.text_unet import Level, TextUNet

TEXT_WIDTH = 4096  # features of T5-XXL's states


def imagen_base() -> TextUNet:
    """Of 64 × 64 pixels: attention at 32, 16 and 8."""
    attending = [Level(width, 3, to_itself=True, to_text=True) for width in (1024, 1536, 2048)]
    return TextUNet((Level(512, 3), *attending), middle=2, each=True, positions=False, scale_shift=True, head=64)


def imagen_upsampler(to_itself: bool) -> TextUNet:
    """The Efficient U-Net of 64 → 256 pixels, which has self-attention at the bottom, or of 256 → 1024."""
    last = Level(1024, 8, to_itself=to_itself, to_text=True)
    levels = (Level(128, 2), Level(256, 4), Level(512, 8), last)
    return TextUNet(levels, halve_first=True, middle=0, positions=False, scale_shift=True, head=128)


def t5_xxl_encoder() -> T5Encoder:
    """The encoder of T5-XXL, version 1.1, whose states Imagen reads."""
    return T5Encoder(32_128, TEXT_WIDTH, 24, 64, 64, 10_240, activation="gelu_tanh", gated=True)
