"""A user's arrays of images, in the forms people have them, as [N, H, W, C] of levels or of floats in [0, 1]."""

from __future__ import annotations

import numpy as np

from deeplearn.errors import UserError

CHANNELS = 4  # more is rare, so that an axis as short as this holds the channels
DIM = 0.25  # whole numbers that never exceed this fraction of white may have another


def images_of(array: np.ndarray, where: str, levels: int | None = None) -> tuple[np.ndarray, int | None, list[str]]:
    """(images [N, H, W, C] as uint8 levels or float32 in [0, 1], number of levels or None, notes).

    array: [N, H, W], [N, H, W, C] or, channels first, [N, C, H, W], of bool, whole numbers up to 255 or 65535, or
    floats in [0, 1]. levels: how many grey levels the user says that whole numbers have. UserError, naming `where`,
    for anything else and where the axes could be read in two ways.
    """
    images, notes = _channels_last(array, where)
    kind = images.dtype.kind
    if kind not in "biuf":
        raise UserError(f"{where} is {images.dtype}: it must be numbers, uint8 or floats in [0, 1].")
    low, high = images.min().item(), images.max().item()
    if kind == "f":
        if not (low >= 0 and high <= 1):  # written so that NaN fails too
            raise UserError(f"{where} has floats from {low:g} to {high:g}: scale them to [0, 1], or store uint8.")
        return images.astype(np.float32), None, notes
    if kind == "b":
        return images.astype(np.uint8), 2, notes
    if levels is not None and high >= levels:
        raise UserError(f"{where} has {levels} grey levels by the array levels, but a pixel is {high}.")
    if low < 0 or high > 65535:
        raise UserError(
            f"{where} has whole numbers from {low} to {high}: store uint8, where white is 255, or floats in [0, 1]."
        )
    if high > 255:
        notes.append(f"{where} has 16 bits: 65535 is white, and they are scaled to 8 bits")
        if high <= DIM * 65535:
            notes.append(f"no pixel of {where} is brighter than {high} of 65535: if {high} is white, divide by it")
        return np.rint(images / np.float32(257)).astype(np.uint8), 256, notes
    if levels is None and 0 < high <= DIM * 255:
        notes.append(
            f"no pixel of {where} is brighter than {high} of 255: if {high} is white, store levels={high + 1}, too"
        )
    return images.astype(np.uint8), levels or 256, notes


def _channels_last(array: np.ndarray, where: str) -> tuple[np.ndarray, list[str]]:
    """[N, H, W, C], and a note where the axes were moved."""
    shape = array.shape
    forms = "it must be [N, H, W] or [N, H, W, C]"
    if array.ndim not in (3, 4) or not array.size:
        raise UserError(f"{where} has shape {shape}: {forms}.")
    if array.ndim == 3:
        if shape[2] <= CHANNELS < shape[1] and shape[2] != 2:
            raise UserError(f"{where} has shape {shape}, which could be one image in colour: {forms}.")
        return array[..., None], []
    if shape[3] <= CHANNELS:
        if shape[1] in (1, 3) and shape[1] < shape[2] == shape[3]:
            raise UserError(f"{where} has shape {shape}, which could be in another order of axes: {forms}.")
        return array, []
    if shape[1] <= CHANNELS:
        moved = np.moveaxis(array, 1, 3)
        return moved, [f"{where} {shape} has its {shape[1]} channel(s) first: they are moved last"]
    if shape[2] <= CHANNELS or shape[2] == shape[3] != shape[1]:
        raise UserError(f"{where} has shape {shape}, which could be in another order of axes: {forms}.")
    return array, [f"{where} is read as images of {shape[1]}×{shape[2]} pixels with {shape[3]} channels"]
