"""How a sentence encoder of the library sentence-transformers makes one vector of a text: modules.json."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import NamedTuple

from deeplearn.errors import UserError
from deeplearn.weights.json_file import read_json, read_object

POOLS = {"pooling_mode_cls_token": "cls", "pooling_mode_mean_tokens": "mean", "pooling_mode_lasttoken": "last"}
_WORDS = {
    "cls": "pooling_mode_cls_token",
    "mean": "pooling_mode_mean_tokens",
    "lasttoken": "pooling_mode_lasttoken",
}


class Modules(NamedTuple):
    """root: where the transformer lies in the folder. pool: "cls", "mean" or "last", None where nothing says how.

    normalize: whether vectors are then of length 1. files: that said so.
    """

    root: str
    pool: str | None
    normalize: bool
    files: tuple[Path, ...]


def read_modules(path: Path) -> Modules:
    """What the folder's modules.json says, if there is one; UserError for a layer that is not known here."""
    file = path / "modules.json"
    if not file.is_file():
        return Modules("", None, False, ())
    listed, kinds = read_json(file, "what a text goes through"), {}
    for one in listed if isinstance(listed, list) else [None]:
        kind, place = (one.get(name) if isinstance(one, dict) else None for name in ("type", "path"))
        if not isinstance(kind, str) or not isinstance(place, str):
            raise UserError(f"{file} does not list modules, each with type and path, as sentence-transformers does")
        if PurePosixPath(place).is_absolute() or ".." in PurePosixPath(place).parts:
            raise UserError(f"{file} names the place {place!r}, which is not in its folder")
        kinds[kind.rpartition(".")[2]] = place
    if odd := kinds.keys() - {"Transformer", "Pooling", "Normalize"}:
        raise UserError(f"{file} has the layer {min(odd)!r}: known are Transformer, Pooling and Normalize")
    files, pool = [file], None
    if (own := path / "config_sentence_transformers.json").is_file():
        prompt = read_object(own, "what is put before a text").get("default_prompt_name")
        if prompt is not None:
            raise UserError(
                f"{own} puts the prompt {prompt!r} before each text: encoders with prompts are not known"
            )
        files.append(own)
    if "Pooling" in kinds:
        files.append(path / kinds["Pooling"] / "config.json")
        pool = _pool(files[-1])
    return Modules(kinds.get("Transformer", ""), pool, "Normalize" in kinds, tuple(files))


def _pool(file: Path) -> str:
    config = read_object(file, "how states are pooled")
    chosen = [name for name, value in config.items() if name.startswith("pooling_mode_") and value is True]
    if (word := config.get("pooling_mode")) is not None:  # how it has been written since 2025
        chosen = [_WORDS.get(word, word) if isinstance(word, str) else repr(word)]
    if len(chosen) != 1 or chosen[0] not in POOLS:
        raise UserError(f"{file} pools by {', '.join(chosen) or 'nothing'}: known is one of {', '.join(POOLS)}")
    return POOLS[chosen[0]]
