"""What a config.json of the library transformers describes: one of our encoders of texts, or CLIP's of pictures."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn

from deeplearn.errors import UserError
from deeplearn.models.bert import Bert
from deeplearn.models.clip_text import ClipText
from deeplearn.models.clip_vision import ClipVision
from deeplearn.models.gpt2 import Gpt2
from deeplearn.models.t5_encoder import T5Encoder
from deeplearn.weights.transformers_names import BERT, CLIP_TEXT, CLIP_VISION, DISTILBERT, GPT2, T5, T5_GATED, Names

_ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_python": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "quick_gelu": "quick_gelu",
    "relu": "relu",
    "silu": "silu",
    "swish": "silu",
}
LARGEST = 2**24  # of any size in a configuration: no network of text comes near it


class Architecture(NamedTuple):
    """module: (tokens, lengths) -> hidden states. names: of its tensors. longest: text in tokens, None: any.

    pool: how the states of a text usually become one vector.
    """

    module: nn.Module
    names: Names
    longest: int | None
    pool: str


@dataclasses.dataclass(frozen=True)
class _Sizes:
    """The values of a configuration; what is absent has the library's default.

    UserError for what makes no sense.
    """

    values: Mapping[str, Any]
    file: Path

    def whole(self, name: str, default: int, least: int = 1) -> int:
        found = self.values.get(name, default)
        if type(found) is not int or not least <= found <= LARGEST:
            raise self.odd(name, f"a whole number from {least} to {LARGEST}")
        return found

    def heads(self, name: str, default: int, width: int) -> int:
        found = self.whole(name, default)
        if width % found:
            raise self.odd(name, f"a divisor of the width {width}")
        return found

    def epsilon(self, name: str, default: float) -> float:
        found = self.values.get(name, default)
        if type(found) not in (int, float) or not 0 <= found < math.inf:
            raise self.odd(name, "a small number above 0")
        return float(found)

    def activation(self, name: str, default: str) -> str:
        found = self.values.get(name, default)
        if not isinstance(found, str) or found not in _ACTIVATIONS:
            raise self.odd(name, f"one of {', '.join(_ACTIVATIONS)}")
        return _ACTIVATIONS[found]

    def want(self, name: str, usual: Any) -> None:
        """UserError where the configuration asks for a variant that our network does not have."""
        if self.values.get(name, usual) != usual:
            raise self.odd(name, f"{usual!r}, the one form that is known here")

    def odd(self, name: str, wanted: str) -> UserError:
        return UserError(f"{self.file} says {name}={self.values.get(name)!r}: it should be {wanted}")


def _bert(sizes: _Sizes, first_position: int = 0) -> Architecture:
    sizes.want("position_embedding_type", "absolute")
    sizes.want("is_decoder", False)
    width = sizes.whole("hidden_size", 768)
    length = sizes.whole("max_position_embeddings", 512, least=first_position + 1) - first_position
    module = Bert(
        sizes.whole("vocab_size", 30522),
        width,
        sizes.whole("num_hidden_layers", 12),
        sizes.heads("num_attention_heads", 12, width),
        sizes.whole("intermediate_size", 3072),
        length,
        sizes.whole("type_vocab_size", 2, least=0),
        sizes.activation("hidden_act", "gelu"),
        sizes.epsilon("layer_norm_eps", 1e-12),
    )
    return Architecture(module, dataclasses.replace(BERT, first_position=first_position), length, "mean")


def _roberta(sizes: _Sizes) -> Architecture:
    """Positions count from the padding's id + 1: the row of that id is padding's, and those before are nobody's."""
    return _bert(sizes, sizes.whole("pad_token_id", 1, least=0) + 1)


def _distilbert(sizes: _Sizes) -> Architecture:
    width, length = sizes.whole("dim", 768), sizes.whole("max_position_embeddings", 512)
    module = Bert(
        sizes.whole("vocab_size", 30522),
        width,
        sizes.whole("n_layers", 6),
        sizes.heads("n_heads", 12, width),
        sizes.whole("hidden_dim", 3072),
        length,
        0,
        sizes.activation("activation", "gelu"),
    )
    return Architecture(module, DISTILBERT, length, "mean")


def _gpt2(sizes: _Sizes) -> Architecture:
    sizes.want("scale_attn_weights", True)
    sizes.want("scale_attn_by_inverse_layer_idx", False)
    sizes.want("add_cross_attention", False)
    width, length = sizes.whole("n_embd", 768), sizes.whole("n_positions", 1024)
    hidden = 4 * width if sizes.values.get("n_inner") is None else sizes.whole("n_inner", 0)
    module = Gpt2(
        sizes.whole("vocab_size", 50257),
        width,
        sizes.whole("n_layer", 12),
        sizes.heads("n_head", 12, width),
        hidden,
        length,
        sizes.activation("activation_function", "gelu_new"),
        sizes.epsilon("layer_norm_epsilon", 1e-5),
    )
    return Architecture(module, GPT2, length, "last")


def _t5(sizes: _Sizes) -> Architecture:
    kind = str(sizes.values.get("feed_forward_proj", "relu"))
    gated, name = kind.startswith("gated-"), kind.removeprefix("gated-")
    if name not in _ACTIVATIONS:
        raise sizes.odd("feed_forward_proj", f"gated- or not, and one of {', '.join(_ACTIVATIONS)}")
    buckets = sizes.whole("relative_attention_num_buckets", 32, least=4)
    module = T5Encoder(
        sizes.whole("vocab_size", 32128),
        sizes.whole("d_model", 512),
        sizes.whole("num_layers", 6),
        sizes.whole("num_heads", 8),
        sizes.whole("d_kv", 64),
        sizes.whole("d_ff", 2048),
        buckets,
        sizes.whole("relative_attention_max_distance", 128, least=buckets // 4 + 1),
        "gelu_tanh" if kind == "gated-gelu" else _ACTIVATIONS[name],  # as the library reads version 1.1's
        gated,
        sizes.epsilon("layer_norm_epsilon", 1e-6),
    )
    return Architecture(module, T5_GATED if gated else T5, None, "mean")


def _clip_text(sizes: _Sizes) -> Architecture:
    width, length = sizes.whole("hidden_size", 512), sizes.whole("max_position_embeddings", 77)
    end = sizes.whole("eos_token_id", 49407, least=0)
    module = ClipText(
        sizes.whole("vocab_size", 49408),
        width,
        sizes.whole("num_hidden_layers", 12),
        sizes.heads("num_attention_heads", 8, width),
        sizes.whole("intermediate_size", 2048),
        length,
        sizes.whole("projection_dim", 512),
        None if end == 2 else end,  # 2 is what configurations said before the library looked at it
        sizes.activation("hidden_act", "quick_gelu"),
        sizes.epsilon("layer_norm_eps", 1e-5),
    )
    return Architecture(module, CLIP_TEXT, length, "last")


def _clip(sizes: _Sizes) -> Architecture:
    return _clip_text(_part(sizes, "text_config", "the configuration of the text encoder"))


def _part(sizes: _Sizes, name: str, what: str) -> _Sizes:
    """Those of one of CLIP's encoders, with the features that both share."""
    values = sizes.values.get(name) or {}
    if not isinstance(values, dict):
        raise sizes.odd(name, what)
    return _Sizes({**values, "projection_dim": sizes.values.get("projection_dim", 512)}, sizes.file)


def _clip_vision(sizes: _Sizes) -> Architecture:
    """Of pictures: no text is read, so there is no longest one and no way to pool one."""
    width, side = sizes.whole("hidden_size", 768), sizes.whole("image_size", 224)
    patch = sizes.whole("patch_size", 32)
    if side % patch:
        raise sizes.odd("patch_size", f"a divisor of the side of {side} pixels")
    sizes.want("num_channels", 3)
    module = ClipVision(
        side,
        patch,
        width,
        sizes.whole("num_hidden_layers", 12),
        sizes.heads("num_attention_heads", 12, width),
        sizes.whole("intermediate_size", 3072),
        sizes.whole("projection_dim", 512),
        sizes.activation("hidden_act", "quick_gelu"),
        sizes.epsilon("layer_norm_eps", 1e-5),
    )
    return Architecture(module, CLIP_VISION, None, "")


KINDS: dict[str, Callable[[_Sizes], Architecture]] = {
    "bert": _bert,
    "roberta": _roberta,
    "xlm-roberta": _roberta,
    "distilbert": _distilbert,
    "gpt2": _gpt2,
    "t5": _t5,
    "clip_text_model": _clip_text,
    "clip": _clip,
}


def described(config: Any, file: Path) -> Architecture:
    """The text encoder in the contents of a config.json; UserError for one that is not known, or makes no sense."""
    kind = _kind(config, file)
    if kind not in KINDS:
        raise UserError(f"{file} describes a network of the kind {kind[:50]!r}: known here are {', '.join(KINDS)}")
    return KINDS[kind](_Sizes(config, file))


def described_pictures(config: Any, file: Path) -> Architecture:
    """CLIP's encoder of pictures; UserError where a config.json describes another network."""
    if (kind := _kind(config, file)) != "clip":
        raise UserError(
            f"{file} describes a network of the kind {kind[:50]!r}: a sentence finds pictures by 'clip', both of "
            "whose encoders are in one folder"
        )
    return _clip_vision(_part(_Sizes(config, file), "vision_config", "the configuration of the picture encoder"))


def _kind(config: Any, file: Path) -> str:
    kind = config.get("model_type") if isinstance(config, dict) else None
    if not isinstance(kind, str):
        raise UserError(f"{file} does not say what network it describes: transformers writes a model_type into it")
    return kind
