"""Trees in batches against one tree at a time, and the width of a level.

    python -m benchmarks.trees

1. A tree-LSTM's train step (64 units) on a batch of 64 trees of ListOps, and on the same trees one at a time: by
   the same compiled program, each padded to no more than its bucket and with a step of the optimiser for each, and
   by torch as public ports do, by recursion over the nodes, with one step for all of them.
2. Milliseconds a step for levels of 1, 2, 4 and 8 nodes: on ListOps, and on random binary trees over sentences of
   10 to 30 words, which are wider. `deeplearn.data.trees.WIDTH` is chosen by this.
"""

from __future__ import annotations

import functools
import importlib.util
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.paired import interleaved, ratio
from deeplearn.data import Arrays, Vocabulary, listops, trees
from deeplearn.data.trees import ParseTree
from deeplearn.data.vocabulary import SPECIAL

BATCH, FEATURES, ROUNDS = 64, 64, 7
WIDTHS = (1, 2, 4, 8)
WANTED = 20  # how many times faster a batch should be
LONGEST = 30  # words of an expression
VOCABULARY = Vocabulary((*SPECIAL, *listops.TOKENS), "word")


def expressions() -> list[ParseTree]:
    """The first BATCH expressions of at most LONGEST words."""
    found, seed = [], 0
    while len(found) < BATCH:
        tree = listops.binary(listops.generated(seed))
        seed += 1
        if len(tree.leaves) <= LONGEST:
            found.append(tree)
    return found


def sentences() -> list[ParseTree]:
    """Binary trees over 10 to 30 words, each phrase cut in two at a random place."""
    rng = np.random.default_rng(0)

    def grown(words: int) -> ParseTree:
        tokens, parents, pending = [], [], [(words, -1)]
        while pending:
            size, parent = pending.pop()
            tokens.append("1" if size == 1 else "")
            parents.append(parent)
            if size > 1:
                left = int(rng.integers(1, size))
                pending += [(size - left, len(tokens) - 1), (left, len(tokens) - 1)]
        return ParseTree(tuple(tokens), ("",) * len(tokens), tuple(parents))

    return [grown(int(words)) for words in rng.integers(10, 31, BATCH)]


def columns(forest: list[ParseTree], width: int) -> Arrays:
    kept, trees.WIDTH = trees.WIDTH, width
    try:
        return Arrays(trees.packed({"all": forest}, VOCABULARY)["all"])
    finally:
        trees.WIDTH = kept


def stepper() -> Callable[[list[Any]], None]:
    """Train steps on each of these batches in turn."""
    import jax
    import jax.numpy as jnp
    import optax

    from deeplearn.models.tree_reader import TreeReader

    model = TreeReader("nary", len(VOCABULARY), 10, 32, FEATURES)
    example = columns(expressions()[:1], 1).arrays()
    params = jax.jit(model.init)(jax.random.key(0), example)["params"]
    optimizer = optax.adam(1e-3)

    @jax.jit
    def step(params: Any, state: Any, batch: Any) -> Any:
        gradient = jax.grad(lambda params: jnp.square(model.apply({"params": params}, batch)[:, 0]).mean())(params)
        change, state = optimizer.update(gradient, state, params)
        return optax.apply_updates(params, change), state

    carry = [(params, optimizer.init(params))]

    def train(batches: list[Any]) -> None:
        for batch in batches:
            carry[0] = step(*carry[0], batch)
        jax.block_until_ready(carry[0])

    return train


def recursion(forest: list[ParseTree]) -> Callable[[], None]:
    """Train steps by torch, as public ports take them: one tree after another, each by recursion over its nodes."""
    import torch

    torch.set_num_threads(1)
    embed = torch.nn.Embedding(len(VOCABULARY), 32)
    enter, read = torch.nn.Linear(32, 4 * FEATURES), torch.nn.Linear(2 * FEATURES, 5 * FEATURES, bias=False)
    answer = torch.nn.Linear(FEATURES, 10)
    modules = torch.nn.ModuleList([embed, enter, read, answer])
    optimizer = torch.optim.Adam(modules.parameters(), lr=1e-3)
    nothing = enter(torch.zeros(32)).detach()

    def state(gates: Any, kept: Any) -> tuple[Any, Any]:
        i, o, u = gates.chunk(3)
        c = torch.sigmoid(i) * torch.tanh(u) + kept
        return torch.sigmoid(o) * torch.tanh(c), c

    def visit(tree: ParseTree, node: int) -> tuple[Any, Any]:
        below = [visit(tree, child) for child in tree.children[node]]
        if not below:
            word = torch.tensor(int(VOCABULARY.encode([tree.tokens[node]])[0]))
            return state(enter(embed(word))[: 3 * FEATURES], 0)
        (left, left_cell), (right, right_cell) = below
        gates = read(torch.cat([left, right]))
        forget = torch.sigmoid(nothing[3 * FEATURES :].repeat(2) + gates[3 * FEATURES :])
        kept = forget[:FEATURES] * left_cell + forget[FEATURES:] * right_cell
        return state(nothing[: 3 * FEATURES] + gates[: 3 * FEATURES], kept)

    def train() -> None:
        optimizer.zero_grad(set_to_none=True)
        for tree in forest:
            (answer(visit(tree, 0)[0]).square().mean() / len(forest)).backward()
        optimizer.step()

    return train


def main() -> None:
    train = stepper()
    forest = expressions()
    whole = columns(forest, trees.WIDTH)
    together = [whole.arrays()]
    alone = [whole.gather(np.array([row])) for row in range(BATCH)]
    things: dict[str, Callable[[], object]] = {
        "batch": lambda: train(together),
        "again": lambda: train(together),
        "the same program, one tree at a time": lambda: train(alone),
    }
    if importlib.util.find_spec("torch") is not None:
        things["torch, by recursion over one tree at a time"] = recursion(forest)
    else:
        print("trees by torch's recursion: skipped, since torch is not here; `pip install torch` and run it again")
    seconds = interleaved(things, ROUNDS)
    control, *_ = ratio(seconds, "again", "batch")
    print(f"a train step on {BATCH} trees of ListOps in a batch: {_milliseconds(seconds['batch']):.1f} ms")
    for name in list(things)[2:]:
        median, low, high = ratio(seconds, name, "batch")
        print(
            f"  {median:.1f} times as fast as {name} ({low:.1f} to {high:.1f}; wanted {WANTED}; "
            f"a batch to itself {control:.2f})"
        )
    for name, grown in {"ListOps": forest, "sentences of 10 to 30 words": sentences()}.items():
        batches = {width: [columns(grown, width).arrays()] for width in WIDTHS}
        seconds = interleaved({str(w): functools.partial(train, batches[w]) for w in WIDTHS}, ROUNDS)
        print(f"width of a level, {name}: levels, milliseconds a step")
        for width in WIDTHS:
            levels = batches[width][0]["levels"].shape[1]
            print(f"  {width}: {levels:3d} levels {_milliseconds(seconds[str(width)]):7.1f}", flush=True)


def _milliseconds(seconds: list[float]) -> float:
    return 1e3 * statistics.median(seconds)


if __name__ == "__main__":
    main()
