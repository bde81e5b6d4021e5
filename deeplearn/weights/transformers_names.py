"""Tensors of the library transformers as variables of our encoders: their names and layouts."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import flax
import numpy as np

from deeplearn.data.labels import shown
from deeplearn.errors import UserError
from deeplearn.weights.convert import prefixes_of
from deeplearn.weights.files import Tensors
from deeplearn.weights.values import as_dtype

_OLD = {r"LayerNorm\.gamma": "LayerNorm.weight", r"LayerNorm\.beta": "LayerNorm.bias"}  # TensorFlow's, until 2019


@dataclasses.dataclass(frozen=True)
class Names:
    """layers: our modules and theirs; {} is a block's number, [0] the first third of a tensor's last axis.

    spare: a regular expression of tensors that are left out, as they are no part of the network.
    renamed: parts of names that older files have, as a regular expression, and what stands for each.
    transposed: whether kernels are [out, in].
    first_position: rows before this one of the table of positions are never read, and are left out.
    """

    layers: Mapping[str, str]
    spare: str
    renamed: Mapping[str, str] = dataclasses.field(default_factory=dict)
    transposed: bool = True
    first_position: int = 0


def _blocks(ours: str, theirs: str, parts: Mapping[str, str]) -> dict[str, str]:
    return {f"{ours}/{part}": f"{theirs}.{name}" for part, name in parts.items()}


BERT = Names(
    {
        "embedding": "embeddings.word_embeddings",
        "positions": "embeddings.position_embeddings",
        "segment_embedding": "embeddings.token_type_embeddings",
        "embedding_norm": "embeddings.LayerNorm",
        **_blocks(
            "encoder/block_{}",
            "encoder.layer.{}",
            {
                "self_attention/query": "attention.self.query",
                "self_attention/key": "attention.self.key",
                "self_attention/value": "attention.self.value",
                "self_attention/out": "attention.output.dense",
                "self_attention_norm": "attention.output.LayerNorm",
                "feed_forward/hidden": "intermediate.dense",
                "feed_forward/out": "output.dense",
                "feed_forward_norm": "output.LayerNorm",
            },
        ),
    },
    spare=r"pooler\..*|embeddings\.(position|token_type)_ids",
    renamed=_OLD,
)
DISTILBERT = Names(
    {
        "embedding": "embeddings.word_embeddings",
        "positions": "embeddings.position_embeddings",
        "embedding_norm": "embeddings.LayerNorm",
        **_blocks(
            "encoder/block_{}",
            "transformer.layer.{}",
            {
                "self_attention/query": "attention.q_lin",
                "self_attention/key": "attention.k_lin",
                "self_attention/value": "attention.v_lin",
                "self_attention/out": "attention.out_lin",
                "self_attention_norm": "sa_layer_norm",
                "feed_forward/hidden": "ffn.lin1",
                "feed_forward/out": "ffn.lin2",
                "feed_forward_norm": "output_layer_norm",
            },
        ),
    },
    spare=r"embeddings\.position_ids",
)
GPT2 = Names(
    {
        "embedding": "wte",
        "positions": "wpe",
        "decoder/norm": "ln_f",
        **_blocks(
            "decoder/block_{}",
            "h.{}",
            {
                "self_attention/query": "attn.c_attn[0]",
                "self_attention/key": "attn.c_attn[1]",
                "self_attention/value": "attn.c_attn[2]",
                "self_attention/out": "attn.c_proj",
                "self_attention_norm": "ln_1",
                "feed_forward/hidden": "mlp.c_fc",
                "feed_forward/out": "mlp.c_proj",
                "feed_forward_norm": "ln_2",
            },
        ),
    },
    spare=r"h\.\d+\.attn\.(masked_)?bias|lm_head\.weight",
    transposed=False,
)
T5 = Names(
    {
        "embedding": "shared",
        "distances": "encoder.block.0.layer.0.SelfAttention.relative_attention_bias",
        "norm": "encoder.final_layer_norm",
        "attention_norm_{}": "encoder.block.{}.layer.0.layer_norm",
        **_blocks(
            "attention_{}",
            "encoder.block.{}.layer.0.SelfAttention",
            {"query": "q", "key": "k", "value": "v", "out": "o"},
        ),
        "feed_forward_norm_{}": "encoder.block.{}.layer.1.layer_norm",
        **_blocks("feed_forward_{}", "encoder.block.{}.layer.1.DenseReluDense", {"hidden": "wi", "out": "wo"}),
    },
    spare=r"decoder\..*|lm_head\.weight|encoder\.embed_tokens\.weight",
)
T5_GATED = dataclasses.replace(
    T5,
    layers={
        **T5.layers,
        **_blocks(
            "feed_forward_{}", "encoder.block.{}.layer.1.DenseReluDense", {"hidden": "wi_0", "linear": "wi_1"}
        ),
    },
)
_CLIP_BLOCK = {
    "self_attention/query": "self_attn.q_proj",
    "self_attention/key": "self_attn.k_proj",
    "self_attention/value": "self_attn.v_proj",
    "self_attention/out": "self_attn.out_proj",
    "self_attention_norm": "layer_norm1",
    "feed_forward/hidden": "mlp.fc1",
    "feed_forward/out": "mlp.fc2",
    "feed_forward_norm": "layer_norm2",
}
CLIP_TEXT = Names(
    {
        "embedding": "embeddings.token_embedding",
        "positions": "embeddings.position_embedding",
        "decoder/norm": "final_layer_norm",
        "text_projection": "/text_projection",  # outside of the text model
        **_blocks("decoder/block_{}", "encoder.layers.{}", _CLIP_BLOCK),
    },
    spare=r"text_projection\.weight|embeddings\.position_ids",
)
CLIP_VISION = Names(
    {
        "patches": "embeddings.patch_embedding",
        "class_token": "embeddings.class_embedding",
        "positions": "embeddings.position_embedding",
        "before_norm": "pre_layrnorm",  # as it is spelt there
        "encoder/norm": "post_layernorm",
        "visual_projection": "/visual_projection",  # outside of the vision model
        **_blocks("encoder/block_{}", "encoder.layers.{}", _CLIP_BLOCK),
    },
    spare=r"visual_projection\.weight|embeddings\.position_ids",
)

_ROLES = {"kernel": "weight", "scale": "weight", "embedding": "weight", "table": "weight", "bias": "bias"}
_THIRD = re.compile(r"\[(\d)\]$")


def converted(variables: Mapping[str, Any], names: Names, tensors: Tensors, source: Path) -> dict[str, Any]:
    """`variables`, shapes of a network's, {"params": …}, with the values in `tensors`; `source` is where these lie.

    The network may be a part of the file's, as in "bert.encoder…" beside a head: what is not of that part is left
    out. UserError names what is missing, left over or of another shape.
    """
    tensors = _renamed(tensors, names)
    flat = flax.traverse_util.flatten_dict(dict(variables))
    wanted = {path: _theirs(path[1:], names) for path in flat}
    prefixes = prefixes_of(tensors, {name for name, _ in wanted.values()})
    prefix = max(prefixes, key=lambda one: prefixes[one], default="")
    wanted = {
        path: (name.removeprefix("/") if name.startswith("/") else prefix + name, third)
        for path, (name, third) in wanted.items()
    }
    used = {name for name, _ in wanted.values()}
    missing = sorted(used - tensors.keys())
    left = [
        name
        for name in tensors
        if name.startswith(prefix) and name not in used and not re.fullmatch(names.spare, name.removeprefix(prefix))
    ]
    if missing or left:
        parts = [f"{verb} {shown(some, 100)}" for verb, some in (("lacks", missing), ("has", left)) if some]
        raise UserError(f"{source} does not fit the config.json beside it: it {', and beyond it '.join(parts)}")
    result = {}
    for path, (name, third) in wanted.items():
        found = _turned(path, tensors[name], third, names)
        if found.shape != flat[path].shape:
            raise UserError(
                f"{name} in {source} has the shape {list(tensors[name].shape)}, which is not what the config.json "
                f"beside it says: our {'/'.join(path[1:])} is {list(flat[path].shape)}"
            )
        result[path] = np.ascontiguousarray(as_dtype(found, flat[path].dtype, name, source))
    return flax.traverse_util.unflatten_dict(result)


def _renamed(tensors: Tensors, names: Names) -> Tensors:
    for old, new in names.renamed.items():
        tensors = {re.sub(old, new, name): value for name, value in tensors.items()}
    embedding = f"{names.layers.get('embedding')}.weight"
    if embedding == "shared.weight" and embedding not in tensors and "encoder.embed_tokens.weight" in tensors:
        tensors = {**tensors, embedding: tensors["encoder.embed_tokens.weight"]}  # one tensor by two names
    return tensors


def _theirs(path: tuple[str, ...], names: Names) -> tuple[str, int | None]:
    """The tensor's name, and which third of it is wanted."""
    if (whole := "/".join(path)) in names.layers:
        return names.layers[whole], None
    layer = "/".join(path[:-1])
    number = re.search(r"(?<=_)\d+", layer)
    theirs = names.layers[re.sub(r"(?<=_)\d+", "{}", layer)].format(number and number.group())
    third = _THIRD.search(theirs)
    return f"{_THIRD.sub('', theirs)}.{_ROLES[path[-1]]}", third and int(third.group(1))


def _turned(path: tuple[str, ...], tensor: np.ndarray, third: int | None, names: Names) -> np.ndarray:
    """The tensor, or the wanted third of it, in our layout."""
    found = tensor.T if path[-1] == "kernel" and names.transposed else tensor
    if found.ndim == 4:  # a convolution's: [width, height, …] by now
        found = found.swapaxes(0, 1)
    if path[-2] == "positions" and found.ndim:
        return found[names.first_position :]
    if third is not None and found.ndim and found.shape[-1] % 3 == 0:
        return np.split(found, 3, -1)[third]
    return found
