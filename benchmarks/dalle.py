"""DALL·E's decoder against torch's: float32, one thread, whole train steps with Adam, and codes one by one.

    python -m benchmarks.dalle [step code]

The page's own size: four pre-norm layers of 192 features and 6 heads over 10 tokens of text, read both ways,
and 64 codes of 512. step: 32 examples, without dropout; four batches are in memory, and our four steps are one
program, as in `deeplearn.train`. code: nine pictures are drawn code by code with keys and values in a cache; a step
is one code of each. Torch has the same layers, masks and caches.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.paired import against_torch

if TYPE_CHECKING:
    import torch

ROUNDS, STEPS = 9, 4
VOCABULARY, TIME, CODES, SIDE = 700, 10, 512, 8
WIDTH, DEPTH, HEADS = 192, 4, 6
SUMMED, HINT = 512, 32  # features of the bag of words, and of the vector that it foresees in each place
BATCH, DRAWN = 32, 9
PLACES = SIDE**2
CASES = {"step": (STEPS, 1.05), "code": (PLACES, 1.0)}
RANDOM = np.random.default_rng(0)
TEXT = RANDOM.integers(4, VOCABULARY, (STEPS, BATCH, TIME)).astype(np.int32)
PICTURES = RANDOM.integers(0, CODES, (STEPS, BATCH, PLACES)).astype(np.int32)


def ours(name: str) -> Callable[[], None]:
    import jax
    import jax.numpy as jnp
    import optax

    from deeplearn.losses.text_and_codes import text_and_codes_loss
    from deeplearn.models.dalle import Foreseen, TextAndCodes, drawn_codes

    decoder = TextAndCodes(VOCABULARY, TIME, CODES, (SIDE, SIDE), WIDTH, DEPTH, HEADS, 4 * WIDTH, dropout=0.0)
    length = jnp.full(BATCH, TIME)
    bag = Foreseen(VOCABULARY, PLACES, HINT)
    bag_params = jax.jit(bag.init)(jax.random.key(2), TEXT[0], length)
    hints = jnp.zeros((BATCH, PLACES, HINT))
    params = jax.jit(decoder.init)(jax.random.key(0), TEXT[0], length, PICTURES[0], hints)
    if name == "code":
        given = jnp.zeros((DRAWN, 0), jnp.int32)
        text = TEXT[0, :DRAWN], length[:DRAWN]

        def draw(params: Any) -> jax.Array:
            codes = functools.partial(drawn_codes, temperature=1.0, top_k=0, hints=bag.apply(bag_params, *text))
            return decoder.apply(params, *text, given, jax.random.key(1), method=codes)

        drawn = jax.jit(draw)
        return lambda: jax.block_until_ready(drawn(params))
    optimizer = optax.adam(1e-3)

    def step(carry: Any, batch: Any) -> Any:
        params, state = carry

        def loss(params: Any) -> jax.Array:
            hints = bag.apply(bag_params, batch[0], length)
            said = decoder.apply(params, batch[0], length, batch[1], hints, train=True)
            return text_and_codes_loss(None, batch[0], said.of_codes, batch[1])[0]

        change, state = optimizer.update(jax.grad(loss)(params), state, params)
        return (optax.apply_updates(params, change), state), None

    compiled = jax.jit(lambda carry, batches: jax.lax.scan(step, carry, batches)[0], donate_argnums=0)
    carry = [(params, optimizer.init(params))]

    def train() -> None:
        carry[0] = compiled(carry[0], (TEXT, PICTURES))
        jax.block_until_ready(carry[0])

    return train


def torchs(name: str) -> Callable[[], None]:
    import torch
    from torch import nn
    from torch.nn import functional

    torch.set_num_threads(1)

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norms = nn.ModuleList([nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)])
            self.project, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
            self.wide, self.narrow = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

        def forward(
            self, x: torch.Tensor, mask: torch.Tensor | None, cache: torch.Tensor | None, place: int
        ) -> torch.Tensor:
            """x [batch, time, width], cache [keys and values, batch, heads, time, features of a head]."""
            batch, time, _ = x.shape
            project = self.project(self.norms[0](x)).view(batch, time, 3, HEADS, -1)
            query, keys, values = project.permute(2, 0, 3, 1, 4)
            if cache is not None:
                cache[0, :, :, place : place + time], cache[1, :, :, place : place + time] = keys, values
                keys, values = cache[:, :, :, : place + time]
            y = functional.scaled_dot_product_attention(query, keys, values, attn_mask=mask)
            x = x + self.out(y.transpose(1, 2).reshape(batch, time, WIDTH))
            return x + self.narrow(functional.gelu(self.wide(self.norms[1](x)), approximate="tanh"))

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words, self.codes = nn.Embedding(VOCABULARY + TIME, WIDTH), nn.Embedding(CODES + 1, WIDTH)
            self.text = nn.Parameter(torch.zeros(TIME, WIDTH))
            self.rows, self.columns = (nn.Parameter(torch.zeros(SIDE, WIDTH)) for _ in range(2))
            self.blocks = nn.ModuleList([Block() for _ in range(DEPTH)])
            self.summed, self.mixed = nn.Embedding(VOCABULARY, SUMMED), nn.Linear(SUMMED, SUMMED)
            self.hints, self.hinted = nn.Linear(SUMMED, PLACES * HINT), nn.Linear(HINT, WIDTH, bias=False)
            self.norm, self.last = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, CODES)

        @torch.no_grad()
        def foreseen(self, tokens: torch.Tensor) -> torch.Tensor:
            """The hints of each place, by a network that stays as it is."""
            bag = functional.silu(self.summed(tokens).sum(1))
            return self.hints(functional.silu(self.mixed(bag))).view(len(tokens), PLACES, HINT)

        def read(self, tokens: torch.Tensor) -> torch.Tensor:
            """The text's vectors."""
            return self.words(tokens) + self.text

        def look(self, before: torch.Tensor, first: int, told: torch.Tensor) -> torch.Tensor:
            place = torch.arange(first, first + before.shape[1])
            return self.codes(before) + self.rows[place // SIDE] + self.columns[place % SIDE] + told[:, place]

    network = Network()
    start = torch.full((BATCH, 1), CODES)
    texts, pictures = torch.from_numpy(TEXT).long(), torch.from_numpy(PICTURES).long()
    if name == "code":

        def draw() -> None:
            with torch.inference_mode():
                caches = torch.zeros(DEPTH, 2, DRAWN, HEADS, TIME + PLACES, WIDTH // HEADS)
                x = network.read(texts[0, :DRAWN])
                told = network.hinted(network.foreseen(texts[0, :DRAWN]))
                for block, cache in zip(network.blocks, caches, strict=True):
                    x = block(x, None, cache, 0)
                code = start[:DRAWN]
                for place in range(PLACES):
                    x = network.look(code, place, told)
                    for block, cache in zip(network.blocks, caches, strict=True):
                        x = block(x, None, cache, TIME + place)
                    logits = network.last(network.norm(x))[:, 0]
                    code = torch.multinomial(functional.softmax(logits, -1), 1)

        return draw
    positions = torch.arange(TIME + PLACES)
    mask = (positions <= positions[:, None]) | (positions < TIME)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)

    def train() -> None:
        for tokens, codes in zip(texts, pictures, strict=True):
            optimizer.zero_grad(set_to_none=True)
            told = network.hinted(network.foreseen(tokens))
            before = torch.cat([start, codes[:, :-1]], 1)
            x = torch.cat([network.read(tokens), network.look(before, 0, told)], 1)
            for block in network.blocks:
                x = block(x, mask, None, 0)
            logits = network.last(network.norm(x[:, TIME:]))
            functional.cross_entropy(logits.reshape(-1, CODES), codes.reshape(-1)).backward()
            optimizer.step()

    return train


def main(names: list[str] | None = None) -> None:
    against_torch("DALL·E's decoder", {name: CASES[name] for name in names or CASES}, ours, torchs, ROUNDS)


if __name__ == "__main__":
    main(sys.argv[1:])
