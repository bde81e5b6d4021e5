"""A folder of the library transformers, as on the Hugging Face Hub, with a text encoder: opened by its path.

config.json                     what network it is
model.safetensors               its weights, or pytorch_model.bin, or either in shards with an .index.json
tokenizer.json                  its tokens, or what `weights.tokenizer` reads besides
modules.json, 1_Pooling/, …     of sentence-transformers: how the states of a text become one vector
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from tokenizers import Tokenizer

from deeplearn.errors import UserError
from deeplearn.models.clip_text import ClipText
from deeplearn.weights.files import Tensors, read_tensors
from deeplearn.weights.json_file import read_object
from deeplearn.weights.sentence_transformers import read_modules
from deeplearn.weights.tokenizer import read_tokenizer
from deeplearn.weights.transformers_config import Architecture, described
from deeplearn.weights.transformers_names import converted

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_TRAINED = 512  # tokens of T5's texts in training, which its configuration does not say


@dataclasses.dataclass(frozen=True)
class TextFolder:
    """kind: config.json's model_type. module, variables: the network, (tokens, lengths) -> hidden states.

    tokenizer: neither cuts nor pads. longest: tokens of a text at most. lower: texts are to be in lower case.
    pool: "cls", "mean" or "last", how states become a vector. normalize: whether that is then of length 1.
    fingerprint: of the contents of all files that say anything about vectors.
    """

    kind: str
    module: nn.Module
    variables: dict[str, Any]
    tokenizer: Tokenizer
    longest: int
    lower: bool
    pool: str
    normalize: bool
    fingerprint: str


def open_folder(path: Path) -> TextFolder:
    """The text encoder in a folder; UserError where something is missing, damaged, or does not fit."""
    if not path.is_dir():
        raise UserError(
            f"there is no folder {path}: name one with config.json, model.safetensors and tokenizer.json"
        )
    modules = read_modules(path)
    root = path / modules.root
    config = read_object(root / "config.json", "what network it holds")
    architecture = described(config, root / "config.json")
    weights = _weight_files(root)
    module, variables = _loaded(architecture, weights)
    tokenizer, files = read_tokenizer(root, config["model_type"])
    settings = [root / name for name in ("sentence_bert_config.json", "tokenizer_config.json")]
    sentence, tokens = (read_object(one, "how long texts are") if one.is_file() else {} for one in settings)
    given = (architecture.longest, sentence.get("max_seq_length"), tokens.get("model_max_length"))
    limits = [limit for limit in given if type(limit) is int and 0 < limit < 10**6]
    read = [root / "config.json", *weights, *files, *filter(Path.is_file, settings), *modules.files]
    return TextFolder(
        config["model_type"],
        module,
        variables,
        tokenizer,
        min(limits, default=_TRAINED),
        bool(sentence.get("do_lower_case", False)),
        modules.pool or architecture.pool,
        modules.normalize,
        _fingerprint(read, path),
    )


def _weight_files(root: Path) -> list[Path]:
    """The one file of weights, or its shards, each once."""
    for name in WEIGHTS:
        if (root / name).is_file():
            return [root / name]
        if (index := root / f"{name}.index.json").is_file():
            shards = read_object(index, "where each tensor is").get("weight_map")
            if not isinstance(shards, dict) or not shards or not all(type(x) is str for x in shards.values()):
                raise UserError(f"{index} has no weight_map of tensors and their files")
            if odd := [file for file in shards.values() if Path(file).name != file]:
                raise UserError(f"{index} names {odd[0]!r}, which is not a file beside it")
            return [root / file for file in sorted(set(shards.values()))]
    raise UserError(f"{root} has no weights: it should have {' or '.join(WEIGHTS)}, whole or in shards")


def _loaded(architecture: Architecture, files: Sequence[Path]) -> tuple[nn.Module, dict[str, Any]]:
    tensors: Tensors = {}
    for file in files:
        tensors |= read_tensors(file)
    source = files[0] if len(files) == 1 else files[0].parent
    module: Any = architecture.module
    if module.layers > len(tensors):  # before a network of so many is traced
        raise UserError(
            f"{source} has {len(tensors)} tensors, too few for the {module.layers} layers of config.json"
        )
    if isinstance(module, ClipText) and "text_projection.weight" not in tensors:
        module = module.clone(projection=0)  # the text encoder alone
    abstract = jax.eval_shape(
        lambda: module.init(
            jax.random.key(0),
            jnp.zeros((1, 1), jnp.int32),
            jnp.ones(1, jnp.int32),
            method="vectors" if isinstance(module, ClipText) else None,
        )
    )
    return module, converted(abstract, architecture.names, tensors, source)


def _fingerprint(files: Sequence[Path], folder: Path) -> str:
    """Of names and contents, where the folder lies and when it was written do not count."""
    whole = hashlib.sha256()
    for file in sorted(files):
        with file.open("rb") as opened:
            whole.update(
                f"{file.relative_to(folder)} {hashlib.file_digest(opened, 'sha256').hexdigest()}\n".encode()
            )
    return whole.hexdigest()
