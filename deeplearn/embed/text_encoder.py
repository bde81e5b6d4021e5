"""A pretrained text encoder as one object: texts in, hidden states or vectors out."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import numpy as np

from deeplearn.data.ragged import Ragged
from deeplearn.embed.of_run import is_run, of_run
from deeplearn.errors import UserError
from deeplearn.metrics.closeness import unit
from deeplearn.models import token_classifier
from deeplearn.models.clip_text import ClipText
from deeplearn.weights.convert import note
from deeplearn.weights.transformers_folder import TextSource, open_folder

POOLS = ("cls", "mean", "last")
SHORTEST = 8  # tokens that texts are padded to at least
BATCH = 32  # texts at a time


class TextEncoder:
    """source: its network, `module` and `variables`, and its tokenizer.

    pool: how states become a vector: "cls", that of the first token, which is [CLS] in BERT; "mean", of all;
    "last", that of the last one, the only one that has seen all others in a causal network; CLIP's last is its
    state at the end token, projected into the space of pictures. By default what the folder says, or else the mean,
    for causal networks the last.
    """

    def __init__(self, source: TextSource, pool: str = "") -> None:
        if pool and pool not in POOLS:
            raise UserError(f"there is no pooling {pool!r}: there are {', '.join(POOLS)}")
        self.source, self.pool = source, pool or source.pool

    @classmethod
    def open(cls, folder: str | Path, pool: str = "") -> TextEncoder:
        """The encoder in a folder of transformers, or of a run of ours; UserError where there is none."""
        path = Path(folder)
        return cls(of_run(path) if is_run(path) else open_folder(path), pool)

    @property
    def module(self) -> Any:
        """tokens int32 [batch, time], lengths int32 [batch] -> hidden states [batch, time, features], 0 beyond."""
        return self.source.module

    @property
    def variables(self) -> dict[str, Any]:
        return self.source.variables

    def tokens(self, texts: Sequence[str]) -> Ragged:
        """The tokens of each of one or more texts, with those that the tokenizer puts at its ends.

        UserError for a text that has none. Texts longer than the network can read are cut, with a note.
        """
        encoded, cut = self.source.encode(texts)
        for text, one in zip(texts, encoded, strict=True):
            if not len(one):
                raise UserError(f"the text {text[:40]!r} has no tokens, so it has no vector")
            if one.max() >= self.module.vocabulary:
                raise UserError(
                    f"the tokenizer numbers a token of {text[:40]!r} {one.max()}, but the network knows only "
                    f"{self.module.vocabulary}: they are not of one model"
                )
        if cut:
            note(
                f"{cut} of {len(texts)} texts are longer than {self.source.longest} tokens: their ends are left out"
            )
        longest = max(map(len, encoded))
        widths = [SHORTEST]
        while widths[-1] < longest:
            widths.append(2 * widths[-1])
        widths[-1] = min(widths[-1], max(self.source.longest, longest))
        return Ragged.of(encoded, buckets=widths)

    def states(self, texts: Sequence[str], batch_size: int = BATCH) -> tuple[np.ndarray, np.ndarray]:
        """The hidden state of each token, float32 [N, time, features], 0 beyond each length; lengths int32 [N].

        `time` is the longest length.
        """
        column = self.tokens(texts)
        blocks = list(self._over(column, _states, batch_size))
        longest = int(column.lengths.max())
        result = np.zeros((len(column), longest, blocks[0][1].shape[-1]), np.float32)
        for rows, found in blocks:
            width = min(longest, found.shape[1])
            result[rows, :width] = found[:, :width]
        return result, column.lengths

    def vectors(
        self,
        texts: Sequence[str],
        batch_size: int = BATCH,
        progress: Callable[[int], None] = lambda done: None,
    ) -> np.ndarray:
        """One vector of each text, float32 [N, features]; of length 1 where the folder asks for it.

        progress: called with the number of texts done.
        """
        compiled = functools.partial(_vectors, pool=self.pool)
        done, parts = 0, []
        for rows, found in self._over(self.tokens(texts), compiled, batch_size):
            parts.append((rows, found))
            progress(done := done + len(rows))
        result = np.empty((len(texts), parts[0][1].shape[-1]), np.float32)
        for rows, found in parts:
            result[rows] = found
        if not np.isfinite(result).all():
            raise UserError("some vectors are not finite: the weights are damaged, or of another network")
        return unit(result).astype(np.float32) if self.source.normalize else result

    def _over(self, column: Ragged, function: Any, batch_size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(rows, what the function gives for them) over texts of about the same length, the longest first.

        All batches have as many rows, so that there is one compilation for each width.
        """
        order = np.argsort(-column.lengths, kind="stable")
        size = min(batch_size, 2 ** int(np.ceil(np.log2(len(column)))))
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            filled = np.resize(rows, size)
            tokens = column.padded(filled, column.buckets[column.bucket(rows)])
            yield (
                rows,
                np.asarray(function(self.module, self.variables, tokens, column.lengths[filled]))[: len(rows)],
            )


@functools.partial(jax.jit, static_argnums=0)
def _states(module: nn.Module, variables: Any, tokens: jax.Array, lengths: jax.Array) -> jax.Array:
    states: Any = module.apply(variables, tokens, lengths)
    return states


@functools.partial(jax.jit, static_argnums=0, static_argnames="pool")
def _vectors(module: nn.Module, variables: Any, tokens: jax.Array, lengths: jax.Array, pool: str) -> jax.Array:
    if pool == "last" and isinstance(module, ClipText):
        vectors: Any = module.apply(variables, tokens, lengths, method="vectors")
        return vectors
    states: Any = module.apply(variables, tokens, lengths)
    return states[:, 0] if pool == "cls" else token_classifier.pool(states, lengths, pool)
