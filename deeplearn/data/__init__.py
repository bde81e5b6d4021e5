"""Data: every set by its name, as fixed splits and as an endless stream that is a pure function of the seed.

dataset = data.load("digits")
stream = data.Stream(dataset.train, batch_size=32, seed=0)
stream.batch(1000)["image"]          # [32, 8, 8, 1] float32 in [0, 1]; the same after a crash
"""

from deeplearn.data.dataset import Dataset
from deeplearn.data.names import load
from deeplearn.data.split import Arrays, Records, Split
from deeplearn.data.stream import Stream

__all__ = ["Arrays", "Dataset", "Records", "Split", "Stream", "load"]
