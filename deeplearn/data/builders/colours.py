"""Patches of scikit-learn's two sample photographs, in grey and in colour.

China by Clement Lefebvre and Flower by Vultureş, both CC BY 2.0, as scikit-learn says. The left 70 % of each are
train, the next 10 % validation, the right 20 % test: no pixel is in two splits. Patches of train overlap by half.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from deeplearn.data.builders import OWN
from deeplearn.data.builders.base import OwnBuilder

SIDE = 32
ENDS = {"train": (0.0, 0.7), "validation": (0.7, 0.8), "test": (0.8, 1.0)}  # fractions of a photograph's width
STEPS = {"train": SIDE // 2, "validation": SIDE, "test": SIDE}  # pixels from one patch to the next
GREY = (0.299, 0.587, 0.114)


def patches(photograph: np.ndarray, split: str) -> np.ndarray:
    """Of a photograph uint8 [H, W, 3] the patches of a split, [N, SIDE, SIDE, 3]."""
    first, end = (round(part * photograph.shape[1]) for part in ENDS[split])
    windows = np.lib.stride_tricks.sliding_window_view(photograph[:, first:end], (SIDE, SIDE), axis=(0, 1))
    chosen = windows[:: STEPS[split], :: STEPS[split]]
    return np.moveaxis(chosen, 2, -1).reshape(-1, SIDE, SIDE, 3)


class Builder(OwnBuilder):
    """`source`, a patch in grey, and `target`, the same in colour."""

    name = "colours"
    VERSION = tfds.core.Version(OWN[name].version)
    BUILDER_CONFIGS: tuple = tuple(tfds.core.BuilderConfig(name=name) for name in OWN[name].configs)
    levels = 256

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=__doc__,
            features=tfds.features.FeaturesDict(
                {
                    "source": tfds.features.Tensor(shape=(SIDE, SIDE, 1), dtype=np.uint8),
                    "target": tfds.features.Tensor(shape=(SIDE, SIDE, 3), dtype=np.uint8),
                }
            ),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        from sklearn.datasets import load_sample_images

        photographs = load_sample_images().images
        return {
            split: self._generate_examples(np.concatenate([patches(one, split) for one in photographs]))
            for split in ENDS
        }

    def _generate_examples(self, coloured: np.ndarray) -> Iterator[tuple[int, dict[str, Any]]]:
        grey = np.rint(coloured @ np.array(GREY)).astype(np.uint8)[..., None]
        for row, (source, target) in enumerate(zip(grey, coloured, strict=True)):
            yield row, {"source": source, "target": target}
