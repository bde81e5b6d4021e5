"""The file of a compressed set of images: a header of 34 bytes, and the message of `deeplearn.codec.bits_back`.

The header, little-endian: magic "DLBB"; version; streams; count, height, width, channels and levels of the images;
the first 8 bytes of the weights' digest; CRC-32 of the images, and of the file without this field.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from deeplearn.codec import bits_back, rans
from deeplearn.errors import UserError
from deeplearn.train.state import digest
from deeplearn.train.trained import Trained

MAGIC, VERSION = b"DLBB", 1
HEADER = struct.Struct("<4sBHIHHBH8sI")
CHECK = struct.Struct("<I")
MIN_IMAGES = 500  # per stream: its first image costs more, and each stream ends in a head of 64 bits


class Header(NamedTuple):
    streams: int
    number: int
    height: int
    width: int
    channels: int
    levels: int
    weights: bytes  # the first 8 bytes of their digest
    images: int  # CRC-32 of their levels

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.height, self.width, self.channels


class Compressed(NamedTuple):
    """contents: what is written. bits: [N], the net length of each image. not_returned: see `bits_back.Encoded`."""

    contents: bytes
    bits: np.ndarray
    not_returned: float


def compress(trained: Trained, images: np.ndarray) -> Compressed:
    """Images as levels, uint8 [N, H, W, C]; UserError unless they are of the size that the VAE was trained on."""
    if images.shape[1:] != trained.model.shape or images.max(initial=0) >= trained.model.likelihood.levels:
        raise UserError(
            f"the images are {_size(images.shape[1:])} with levels up to {images.max(initial=0)}, but the network "
            f"is for {_size(trained.model.shape)} and {trained.model.likelihood.levels} levels from 0"
        )
    if not len(images):
        raise UserError("there is no image to compress")
    streams = min(max(1, len(images) // MIN_IMAGES), 2**16 - 1)
    words, bits, not_returned = bits_back.encode(trained, images, streams)
    header = HEADER.pack(
        *(MAGIC, VERSION, streams, *images.shape, trained.model.likelihood.levels),
        *(weights_digest(trained.variables), zlib.crc32(images.tobytes())),
    )
    message = words.astype("<u4").tobytes()
    return Compressed(header + CHECK.pack(zlib.crc32(header + message)) + message, bits, not_returned)


def read_header(contents: bytes, name: str) -> Header:
    """The header; UserError, which names the file, unless the file is one of ours and whole."""
    if contents[: len(MAGIC)] != MAGIC:
        raise UserError(f"{name} is not a file of compressed images: it does not begin with {MAGIC.decode()}")
    if contents[len(MAGIC) : len(MAGIC) + 1] != bytes([VERSION]):
        raise UserError(f"{name} is cut short or of another version of this format: this program reads {VERSION}")
    head, message = contents[: HEADER.size], contents[HEADER.size + CHECK.size :]
    check = contents[HEADER.size : HEADER.size + CHECK.size]
    if len(check) < CHECK.size or CHECK.unpack(check)[0] != zlib.crc32(head + message):
        raise UserError(f"{name} is damaged or cut short: its checksum is not that of its {len(contents)} bytes")
    return Header(*HEADER.unpack(head)[2:])


def decompress(trained: Trained, contents: bytes, name: str) -> np.ndarray:
    """The images as levels, uint8 [N, H, W, C]; UserError for a damaged file and for other weights."""
    header = read_header(contents, name)
    if header.weights != (found := weights_digest(trained.variables)):
        raise UserError(
            f"{name} was compressed with other weights (their digest begins with {header.weights.hex()}, that of "
            f"these with {found.hex()}): give the run that it was compressed with"
        )
    words = _words(trained, header, contents[HEADER.size + CHECK.size :], name)
    try:
        images = bits_back.decode(trained, words, header.number, header.streams)
    except rans.UsedUp:
        raise UserError(f"{name} is damaged: its message ends before its {header.number} images do") from None
    if zlib.crc32(images.tobytes()) != header.images:
        raise UserError(
            f"{name} does not give the images that were compressed: the network's outputs on this machine differ "
            "by more than rounding from those on the machine that compressed it"
        )
    return images


def _words(trained: Trained, header: Header, message: bytes, name: str) -> np.ndarray:
    """The message, uint32 [n]. UserError where it cannot be one of so many images of this network.

    A checksum may be right in a file that was made to do harm: nothing is allocated for more images than it holds.
    """
    shape, levels = trained.model.shape, trained.model.likelihood.levels
    if (header.shape, header.levels) != (shape, levels):
        raise UserError(
            f"{name} says that its images are {_size(header.shape)} with {header.levels} levels, but the network "
            f"that it was compressed with is for {_size(shape)} and {levels}: it is damaged"
        )
    if len(message) % 4 or not 1 <= header.streams <= header.number or len(message) < 8 * header.streams:
        raise UserError(f"{name} is damaged: {len(message)} bytes are no message in {header.streams} streams")
    # The likeliest level has all but levels − 1 of 2^PIXEL_BITS.
    least = -math.prod(shape) * math.log2(1 - (levels - 1) / 2**bits_back.PIXEL_BITS)
    if header.number * least > 8 * len(message) + header.streams * bits_back.LATENT_BITS * trained.model.latents:
        raise UserError(f"{name} is damaged: {len(message)} bytes cannot hold {header.number} images")
    return np.frombuffer(message, "<u4")


def weights_digest(variables: Mapping[str, Any]) -> bytes:
    return bytes.fromhex(digest(variables))[:8]


def _size(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))
