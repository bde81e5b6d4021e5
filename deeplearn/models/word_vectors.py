"""Word vectors: a table of input vectors, which are kept, and one of output vectors, which only training needs."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

from deeplearn.nn.rows import Rows


def small(key: jax.Array, shape: tuple[int, int]) -> jax.Array:
    """U(−1/2, 1/2) / features, as word2vec's program begins."""
    return jax.random.uniform(key, shape, minval=-0.5, maxval=0.5) / shape[1]


class WordVectors(nn.Module):
    """`inputs` [rows, features], one row for each word (and further ones, of n-grams, after them), and `outputs`
    [outputs, features], for each word, or for each inner node of a tree of words."""

    rows: int
    outputs_: int
    features: int

    def setup(self) -> None:
        self.inputs = Rows(self.rows, self.features, small)
        self.outputs = Rows(self.outputs_, self.features)

    def mean(self, ids: jax.Array, whole_gradient: bool = False) -> jax.Array:
        """The mean of the input vectors of ids [B, P], 0 for none: [B, D]; zeros where there are none.

        whole_gradient: each of them gets the gradient of the mean, not its share of it. So do word2vec's program
        and gensim for contexts, and fastText for n-grams.
        """
        there = (ids != 0)[..., None]
        total = jnp.where(there, self.inputs(ids), 0).sum(1)
        mean = total / jnp.maximum(there.sum(1), 1)
        return total + jax.lax.stop_gradient(mean - total) if whole_gradient else mean


class LogCounts(nn.Module):
    """GloVe: a vector and a bias for each word, and one as a context (Pennington et al. 2014, section 3).

    Tables `inputs` and `outputs` [words, features + 1]: the bias is the last number of a row.
    """

    words: int
    features: int

    def setup(self) -> None:
        self.inputs, self.outputs = (Rows(self.words, self.features + 1, small) for _ in range(2))

    def __call__(self, word: jax.Array, context: jax.Array) -> jax.Array:
        """w·w̃ + b + b̃ for words [B] and contexts [B]: [B], an estimate of the logarithm of their count."""
        one, other = self.inputs(word), self.outputs(context)
        return (one[:, :-1] * other[:, :-1]).sum(-1) + one[:, -1] + other[:, -1]
