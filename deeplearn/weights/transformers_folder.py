"""A folder of the library transformers, as on the Hugging Face Hub, with a text encoder: opened by its path.

config.json                     what network it is
model.safetensors               its weights, or pytorch_model.bin, or either in shards with an .index.json
tokenizer.json                  its tokens, or what `weights.tokenizer` reads besides
modules.json, 1_Pooling/, …     of sentence-transformers: how the states of a text become one vector
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from deeplearn.errors import UserError
from deeplearn.models.clip_text import ClipText
from deeplearn.weights.files import Tensors, read_tensors
from deeplearn.weights.json_file import read_object
from deeplearn.weights.sentence_transformers import read_modules
from deeplearn.weights.tokenizer import encode, read_tokenizer
from deeplearn.weights.transformers_config import described
from deeplearn.weights.transformers_names import converted

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_TRAINED = 512  # tokens of T5's texts in training, which its configuration does not say


@dataclasses.dataclass(frozen=True)
class TextSource:
    """What a text encoder is made of.

    kind: its architecture. module, variables: the network, (tokens, lengths) -> hidden states.
    encode: gives the tokens of texts, int32 [length] each, and how many texts were cut to the `longest` tokens.
    pool: "cls", "mean" or "last", how states become a vector. normalize: whether that is then of length 1.
    fingerprint: of the contents of all files that say anything about vectors.
    """

    kind: str
    module: Any
    variables: dict[str, Any]
    encode: Callable[[Sequence[str]], tuple[list[np.ndarray], int]]
    longest: int
    pool: str
    normalize: bool
    fingerprint: str


def open_folder(path: Path) -> TextSource:
    """The text encoder in a folder; UserError where something is missing, damaged, or does not fit."""
    if not path.is_dir():
        raise UserError(
            f"there is no folder {path}: name one with config.json, model.safetensors and tokenizer.json"
        )
    modules = read_modules(path)
    root = path / modules.root
    network = read_network(root)
    tokenizer, files = read_tokenizer(root, network.kind)
    settings = [root / name for name in ("sentence_bert_config.json", "tokenizer_config.json")]
    sentence, tokens = (read_object(one, "how long texts are") if one.is_file() else {} for one in settings)
    given = (network.longest, sentence.get("max_seq_length"), tokens.get("model_max_length"))
    longest = min([limit for limit in given if type(limit) is int and 0 < limit < 10**6], default=_TRAINED)
    read = [*network.files, *files, *filter(Path.is_file, settings), *modules.files]
    return TextSource(
        network.kind,
        network.module,
        network.variables,
        functools.partial(encode, tokenizer, longest, bool(sentence.get("do_lower_case", False))),
        longest,
        modules.pool or network.pool,
        modules.normalize,
        _fingerprint(read, path),
    )


class Network(NamedTuple):
    """kind: config.json's model_type. module, variables: (tokens, lengths) -> hidden states.

    longest: text in tokens, None: any. pool: how states usually become a vector. files: that it was read from.
    """

    kind: str
    module: Any
    variables: dict[str, Any]
    longest: int | None
    pool: str
    files: tuple[Path, ...]


def read_network(root: Path) -> Network:
    """The network in a folder with config.json and weights; no tokenizer is looked for."""
    config = read_object(root / "config.json", "what network it holds")
    architecture = described(config, root / "config.json")
    module: Any = architecture.module
    tensors, source, files = read_weights(root, module.layers)
    method = None
    if isinstance(module, ClipText):
        # The text encoder alone has no projection.
        module = module if "text_projection.weight" in tensors else module.clone(projection=0)
        method = "vectors"
    tokens, lengths = jnp.zeros((1, 1), jnp.int32), jnp.ones(1, jnp.int32)
    abstract = jax.eval_shape(lambda: module.init(jax.random.key(0), tokens, lengths, method=method))
    return Network(
        config["model_type"],
        module,
        converted(abstract, architecture.names, tensors, source),
        architecture.longest,
        architecture.pool,
        (root / "config.json", *files),
    )


def read_weights(root: Path, layers: int) -> tuple[Tensors, Path, list[Path]]:
    """The tensors of a folder, where they lie, as a sentence says it, and their files.

    layers: of the network that they are of. UserError where there are fewer tensors than these.
    """
    files = _weight_files(root)
    tensors: Tensors = {}
    for file in files:
        tensors |= read_tensors(file)
    source = files[0] if len(files) == 1 else root
    if layers > len(tensors):  # before a network of so many is traced
        raise UserError(f"{source} has {len(tensors)} tensors, too few for the {layers} layers of config.json")
    return tensors, source, files


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


def _fingerprint(files: Sequence[Path], folder: Path) -> str:
    """Of names and contents, where the folder lies and when it was written do not count."""
    whole = hashlib.sha256()
    for file in sorted(files):
        with file.open("rb") as opened:
            whole.update(
                f"{file.relative_to(folder)} {hashlib.file_digest(opened, 'sha256').hexdigest()}\n".encode()
            )
    return whole.hexdigest()
