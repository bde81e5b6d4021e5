"""What timm says about a file: config.json beside it, as on the Hugging Face Hub, or safetensors' metadata."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from deeplearn.errors import UserError
from deeplearn.weights.preprocessing import Preprocessing, of_library


def of_file(path: Path, library: str, network: str, side: int) -> Preprocessing:
    """How a file's network wants its images: as its own configuration says, or else as the library's usually do.

    UserError where there is a configuration of timm that makes no sense, or a crop that is not central.
    """
    usual = of_library(library, network, side)
    for place, config in _configurations(path):
        if library != "Keras" and "crop_pct" in (cfg := config.get("pretrained_cfg", config)):
            try:
                return _prepared(usual, cfg)
            except (ValueError, KeyError, TypeError, OverflowError, ZeroDivisionError) as error:
                raise UserError(
                    f"{place} does not say how images are prepared as timm writes it ({error!r})"
                ) from None
    return usual


def _configurations(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """(where it is, configuration) of those that can be read: config.json may as well be of something else."""
    found: list[tuple[str, str]] = []
    try:
        with safe_open(path, framework="np") as file:
            found += [(f"the metadata of {path}", text) for text in (file.metadata() or {}).values()]
    except (SafetensorError, OSError):
        pass  # another format
    beside = path.parent / "config.json"
    if beside.is_file():
        found.append((str(beside), beside.read_text(errors="replace")))
    parsed = []
    for place, text in found:
        try:
            parsed.append((place, json.loads(text)))
        except (ValueError, RecursionError):
            continue
    return [
        (place, config)
        for place, config in parsed
        if isinstance(config, dict) and isinstance(config.get("pretrained_cfg", {}), dict)
    ]


def _prepared(usual: Preprocessing, cfg: dict[str, Any]) -> Preprocessing:
    """timm/data/transforms_factory.py, transforms_imagenet_eval."""
    if (mode := cfg.get("crop_mode") or "center") != "center":
        raise ValueError(f"crop_mode={mode}: only center is known here")
    _, height, width = cfg.get("input_size", (3, usual.height, usual.width))
    return dataclasses.replace(
        usual,
        height=height,
        width=width,
        resize=math.floor(min(height, width) / cfg["crop_pct"]),
        mean=tuple(map(float, cfg.get("mean", usual.mean))),
        std=tuple(map(float, cfg.get("std", usual.std))),
        interpolation=cfg.get("interpolation", usual.interpolation),
    )
