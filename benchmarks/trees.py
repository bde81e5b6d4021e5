"""Trees in batches against one tree at a time, and the width of a level.

    python -m benchmarks.trees

1. A tree-LSTM's train step (64 units) on a batch of 64 trees of ListOps, and the same trees one at a time, each
   padded to no more than it needs, by the same compiled code.
2. Milliseconds a step for levels of 1, 2, 4 and 8 nodes: on ListOps, and on random binary trees over sentences of
   10 to 30 words, which are wider. `deeplearn.data.trees.WIDTH` is chosen by this.
"""

from __future__ import annotations

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
LONGEST = 50  # words of an expression
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


def main() -> None:
    train = stepper()
    forest = expressions()
    whole = columns(forest, trees.WIDTH)
    together = [whole.arrays()]
    alone = [whole.gather(np.array([row])) for row in range(BATCH)]
    seconds = interleaved(
        {"one at a time": lambda: train(alone), "again": lambda: train(alone), "batch": lambda: train(together)},
        ROUNDS,
    )
    median, low, high = ratio(seconds, "one at a time", "batch")
    control, *_ = ratio(seconds, "again", "one at a time")
    print(
        f"{BATCH} trees of ListOps in a batch: {median:.1f} times as fast as one at a time "
        f"({low:.1f} to {high:.1f}; wanted {WANTED}; one at a time to itself {control:.2f})"
    )
    for name, grown in {"ListOps": forest, "sentences of 10 to 30 words": sentences()}.items():
        batches = {width: [columns(grown, width).arrays()] for width in WIDTHS}
        seconds = interleaved({str(w): lambda batch=batches[w]: train(batch) for w in WIDTHS}, ROUNDS)  # type: ignore
        print(f"width of a level, {name}: levels, milliseconds a step")
        for width in WIDTHS:
            levels = batches[width][0]["levels"].shape[1]
            print(f"  {width}: {levels:3d} levels {1e3 * statistics.median(seconds[str(width)]):7.1f}", flush=True)


if __name__ == "__main__":
    main()
