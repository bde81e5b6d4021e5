"""What torch's attention and transformers give, for tests/nn. With torch 2.14.1 it wrote attention.npz.

For each case: x, memory (where there is one) and their masks, true where a token is real; a cotangent g, 0 at
padding; the output y and the gradients of the sum of y·g: dx, dmemory; weights/… and gradients/… by torch's names.
All weights and biases are random, those of the layer norms too. Encoders and decoders are two layers each, with a
last norm where the norms come first.
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn

FEATURES, HEADS, HIDDEN, DEPTH = 8, 2, 12, 2
generator = np.random.default_rng(0)
written: dict[str, np.ndarray] = {}


def normal(*shape: int) -> torch.Tensor:
    return torch.tensor(generator.normal(size=shape).astype(np.float32))


def mask(*lengths: int) -> torch.Tensor:
    return torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]


def record(name: str, module: nn.Module, function, x_mask: torch.Tensor, memory_mask: torch.Tensor | None = None):
    with torch.no_grad():
        for weight in module.parameters():
            weight.copy_(normal(*weight.shape) / 2 + (weight.ndim == 1) / 2)
    masks = {"x": x_mask} if memory_mask is None else {"x": x_mask, "memory": memory_mask}
    inputs = {key: normal(*one.shape, FEATURES).requires_grad_() for key, one in masks.items()}
    y = function(module, *inputs.values())
    g = normal(*y.shape) * x_mask[..., None]
    (torch.where(x_mask[..., None], y, 0) * g).sum().backward()
    case = {"y": y, "g": g}
    case |= {f"{key}_mask": one for key, one in masks.items()}
    case |= inputs | {f"d{key}": one.grad for key, one in inputs.items()}
    case |= {f"weights/{key}": one for key, one in module.named_parameters()}
    case |= {f"gradients/{key}": one.grad for key, one in module.named_parameters()}
    written.update({f"{name}:{key}": one.detach().numpy() for key, one in case.items()})


def later(time: int) -> torch.Tensor:
    """What a causal mask hides, in torch's sense: true where attention is not allowed."""
    return torch.ones(time, time, dtype=torch.bool).triu(1)


ours, theirs = mask(4, 2, 3), mask(5, 3, 1)
attention = {"embed_dim": FEATURES, "num_heads": HEADS, "batch_first": True}
record(
    "self_attention",
    nn.MultiheadAttention(**attention),
    lambda module, x: module(x, x, x, key_padding_mask=~theirs)[0],
    theirs,
)
record(
    "causal_self_attention",
    nn.MultiheadAttention(**attention),
    lambda module, x: module(x, x, x, key_padding_mask=~theirs, attn_mask=later(5))[0],
    theirs,
)
record(
    "cross_attention",
    nn.MultiheadAttention(**attention),
    lambda module, x, memory: module(x, memory, memory, key_padding_mask=~theirs)[0],
    ours,
    theirs,
)
for kind, norm_first in (("pre", True), ("post", False)):
    layer = {"d_model": FEATURES, "nhead": HEADS, "dim_feedforward": HIDDEN, "dropout": 0.0}
    layer |= {"batch_first": True, "norm_first": norm_first}
    record(
        f"encoder_{kind}",
        nn.TransformerEncoder(
            nn.TransformerEncoderLayer(**layer),
            DEPTH,
            norm=nn.LayerNorm(FEATURES) if norm_first else None,
            enable_nested_tensor=False,
        ),
        lambda module, x: module(x, src_key_padding_mask=~theirs),
        theirs,
    )
    record(
        f"decoder_{kind}",
        nn.TransformerDecoder(
            nn.TransformerDecoderLayer(**layer), DEPTH, norm=nn.LayerNorm(FEATURES) if norm_first else None
        ),
        lambda module, x, memory: module(
            x,
            memory,
            tgt_mask=later(4),
            tgt_key_padding_mask=~ours,
            memory_key_padding_mask=~theirs,
        ),
        ours,
        theirs,
    )
if __name__ == "__main__":
    np.savez_compressed(Path(__file__).with_suffix(".npz"), **written)
