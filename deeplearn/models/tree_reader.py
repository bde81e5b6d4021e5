"""A network over trees with an answer at every node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.nn.tree_lstm import ChildSumTreeLSTM, NaryTreeLSTM, RecursiveNetwork

KINDS = ("nary", "child_sum", "recursive")


class TreeReader(nn.Module):
    """Embedded words, a network over trees, logits [batch, nodes, outputs] of every node.

    It reads the columns of `deeplearn.data.trees.packed`: tokens [batch, nodes], children, levels. The states of a
    recursive network are as wide as the embeddings, so it has `features` for both.
    """

    kind: str  # one of KINDS
    words: int  # ids there are
    outputs: int
    embedding: int
    features: int

    @nn.compact
    def __call__(self, batch: Mapping[str, Any]) -> jax.Array:
        networks = {"nary": NaryTreeLSTM, "child_sum": ChildSumTreeLSTM}
        width = self.features if self.kind == "recursive" else self.embedding
        x = nn.Embed(self.words, width)(batch["tokens"])
        x = jnp.where(batch["tokens"][..., None] == 0, 0, x)  # a node without a word
        network = RecursiveNetwork() if self.kind == "recursive" else networks[self.kind](self.features)
        return nn.Dense(self.outputs)(network(x, batch["children"], batch["levels"]))
