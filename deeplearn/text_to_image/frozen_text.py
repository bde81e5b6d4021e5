"""A pretrained text encoder that stays as it is: its states are computed once, as a column beside the captions."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from deeplearn.data import Dataset
from deeplearn.data.later import Later
from deeplearn.data.split import Arrays, Split
from deeplearn.embed.text_encoder import TextEncoder
from deeplearn.errors import UserError
from deeplearn.text_to_image.captions import texts_of


@functools.lru_cache(maxsize=1)
def encoder(folder: str) -> TextEncoder:
    """The encoder in a folder, read once: pictures are asked for text by text, and weights are slow to read."""
    return TextEncoder.open(folder)


class FrozenText:
    """The encoder in a folder, for the captions of a data set.

    States are standardised, feature by feature, over the tokens of the training captions: a few features of
    pretrained encoders are far larger than the others.
    """

    def __init__(self, folder: str, dataset: Dataset) -> None:
        self._folder, self._dataset = folder, dataset

    def _moments(self) -> np.ndarray:
        """Means and standard deviations [2, E] over training tokens; saved as a fact."""

        def find() -> np.ndarray:
            states, lengths = encoder(self._folder).states(texts_of(self._dataset.train.arrays(), self._dataset))
            real = states[np.arange(states.shape[1]) < lengths[:, None]]
            return np.stack([real.mean(0), real.std(0) + 1e-6]).astype(np.float32)

        return np.asarray(self._dataset.fact("moments of the states of --text_weights", find), np.float32)

    def read(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Standardised states [N, T, E] of one or more texts, and lengths int32 [N].

        UserError for a text without tokens, and where the encoder is of another width than the one of training.
        """
        mean, std = self._moments()
        states, lengths = encoder(self._folder).states(texts)
        if states.shape[-1] != len(mean):
            raise UserError(
                f"the encoder in {self._folder} gives {states.shape[-1]} features a token, and this run was "
                f"trained on {len(mean)}: give --text_weights the folder that it was trained with"
            )
        return (states - mean) / std, lengths

    def sums(self, texts: Sequence[str]) -> np.ndarray:
        """The sum of each text's standardised states, [N, E]."""
        states, lengths = self.read(texts)
        real: np.ndarray = np.arange(states.shape[1]) < lengths[:, None]
        found: np.ndarray = (states * real[..., None]).sum(1)
        return found

    def beside(self, split: Split) -> Split:
        """The split with the columns `states` and `states_length`, computed when it is first read."""

        def make() -> Split:
            columns = split.arrays()
            states, lengths = self.read(texts_of(columns, self._dataset))
            return Arrays(columns | {"states": states, "states_length": lengths})

        return Later(make)
