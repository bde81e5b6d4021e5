"""Transformers against torch's: float32, one thread, whole train steps with Adam, and tokens one by one.

    python -m benchmarks.transformer [encoder decoder token]

encoder, decoder: stacks of three pre-norm blocks over 32 sequences of 64 embedded tokens, 128 features and 4 heads;
the decoder looks at a memory of 64 tokens too. The loss is the outputs' mean square, without dropout. Four batches
are in memory, and our four steps are one program, as in `deeplearn.train`: for memory of more than 32 MB, which a
program wants once, Linux fills in every page anew. token: a language model of a million parameters goes on greedily
for 128 tokens, one after the other, with keys and values in a cache; a step is one token. A second torch beside the
first shows the noise. XLA fixes its threads when it starts, so the process is bound to one core first.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.paired import against_torch

if TYPE_CHECKING:
    import torch

ROUNDS, STEPS = 9, 4
TOKENS, VOCABULARY = 128, 128
# steps a round; the maximum ratio that the project allows
CASES = {"encoder": (STEPS, 1.05), "decoder": (STEPS, 1.05), "token": (TOKENS, 1.0)}
BATCH, TIME, FEATURES, HEADS, DEPTH, DEEPER = 32, 64, 128, 4, 3, 5
X, MEMORY = np.random.default_rng(0).normal(size=(2, STEPS, BATCH, TIME, FEATURES)).astype(np.float32)


def ours(name: str) -> Callable[[], None]:
    import jax
    import jax.numpy as jnp
    import optax

    from deeplearn.nn.transformer import Decoder, Encoder

    if name == "token":
        return our_tokens()
    stack = {"encoder": Encoder, "decoder": Decoder}[name](DEPTH, HEADS, 4 * FEATURES, dropout=0.0)
    batches = (X, MEMORY) if name == "decoder" else (X,)
    params = jax.jit(lambda key: stack.init(key, X[0], False, *(x[0] for x in batches[1:])))(jax.random.key(0))
    optimizer = optax.adam(1e-3)

    def step(carry: Any, batch: Any) -> Any:
        params, state = carry
        x, *memory = batch
        gradient = jax.grad(lambda params: jnp.square(stack.apply(params, x, True, *memory)).mean())(params)
        change, state = optimizer.update(gradient, state, params)
        return (optax.apply_updates(params, change), state), None

    compiled = jax.jit(lambda carry, batches: jax.lax.scan(step, carry, batches)[0], donate_argnums=0)
    carry = [(params, optimizer.init(params))]

    def train() -> None:
        carry[0] = compiled(carry[0], batches)
        jax.block_until_ready(carry[0])

    return train


def our_tokens() -> Callable[[], None]:
    import flax.linen as nn
    import jax
    import jax.numpy as jnp

    from deeplearn.nn.decoding import sample
    from deeplearn.nn.positions import LearnedPositions
    from deeplearn.nn.transformer import Decoder

    class Language(nn.Module):
        @nn.compact
        def __call__(self, tokens: jax.Array) -> jax.Array:
            x = nn.Embed(VOCABULARY, FEATURES)(tokens)
            x = LearnedPositions(TOKENS)(x, decode=True)
            x = Decoder(DEEPER, HEADS, 4 * FEATURES, length=TOKENS)(x, False, decode=True)
            return nn.Dense(VOCABULARY)(x)

    language = Language()
    first = jnp.ones((1, 1), jnp.int32)
    params = jax.jit(language.init)(jax.random.key(0), first)["params"]
    cache = jax.eval_shape(lambda: language.init(jax.random.key(0), first))["cache"]

    @jax.jit
    def tokens(params: Any) -> jax.Array:
        def step(cache: Any, tokens: jax.Array) -> tuple[jax.Array, Any]:
            logits, changed = language.apply({"params": params} | cache, tokens[:, None], mutable=["cache"])
            return logits[:, -1], changed

        empty = {"cache": jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), cache)}
        key = jax.random.key(0)
        return sample(step, empty, first[0], key, steps=TOKENS, end=VOCABULARY, temperature=0)

    def go_on() -> None:
        jax.block_until_ready(tokens(params))

    return go_on


def torchs(name: str) -> Callable[[], None]:
    import torch
    from torch import nn

    torch.set_num_threads(1)
    if name == "token":
        return torch_tokens()
    of_layer: dict[str, Any] = {"dropout": 0.0, "batch_first": True, "norm_first": True}
    xs, memories = torch.from_numpy(X), torch.from_numpy(MEMORY)
    causal = nn.Transformer.generate_square_subsequent_mask(TIME)
    if name == "encoder":
        layer = nn.TransformerEncoderLayer(FEATURES, HEADS, 4 * FEATURES, **of_layer)
        network: nn.Module = nn.TransformerEncoder(layer, DEPTH, nn.LayerNorm(FEATURES), enable_nested_tensor=False)
    else:
        of_decoder = nn.TransformerDecoderLayer(FEATURES, HEADS, 4 * FEATURES, **of_layer)
        network = nn.TransformerDecoder(of_decoder, DEPTH, nn.LayerNorm(FEATURES))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)

    def train() -> None:
        for x, memory in zip(xs, memories, strict=True):
            optimizer.zero_grad(set_to_none=True)
            y = network(x) if name == "encoder" else network(x, memory, causal, tgt_is_causal=True)
            y.square().mean().backward()
            optimizer.step()

    return train


def torch_tokens() -> Callable[[], None]:
    import torch
    from torch import nn
    from torch.nn import functional

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norms = nn.ModuleList([nn.LayerNorm(FEATURES), nn.LayerNorm(FEATURES)])
            self.project, self.out = nn.Linear(FEATURES, 3 * FEATURES), nn.Linear(FEATURES, FEATURES)
            self.wide, self.narrow = nn.Linear(FEATURES, 4 * FEATURES), nn.Linear(4 * FEATURES, FEATURES)

        def forward(self, x: torch.Tensor, cache: torch.Tensor, place: int) -> torch.Tensor:
            """x [1, features], cache [keys and values, heads, time, features of a head]."""
            query, *new = self.project(self.norms[0](x)).view(3, HEADS, 1, -1)
            cache[0, :, place : place + 1], cache[1, :, place : place + 1] = new
            keys, values = cache[:, :, : place + 1]
            x = x + self.out(functional.scaled_dot_product_attention(query, keys, values).view(1, -1))
            return x + self.narrow(functional.relu(self.wide(self.norms[1](x))))

    embedding, positions = nn.Embedding(VOCABULARY, FEATURES), nn.Embedding(TOKENS, FEATURES)
    blocks = [Block() for _ in range(DEEPER)]
    last = nn.Sequential(nn.LayerNorm(FEATURES), nn.Linear(FEATURES, VOCABULARY))
    caches = torch.zeros(DEEPER, 2, HEADS, TOKENS, FEATURES // HEADS)

    def tokens() -> None:
        with torch.inference_mode():
            token = torch.ones(1, dtype=torch.long)
            for place in range(TOKENS):
                x = embedding(token) + positions.weight[place]
                for block, cache in zip(blocks, caches, strict=True):
                    x = block(x, cache, place)
                token = last(x).argmax(-1)

    return tokens


def main(names: list[str] | None = None) -> None:
    against_torch("transformers", {name: CASES[name] for name in names or CASES}, ours, torchs, ROUNDS)


if __name__ == "__main__":
    main(sys.argv[1:])
