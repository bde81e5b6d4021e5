"""Word vectors as a thing to use: neighbours, analogies, judgements of similarity, files of other programs.

from deeplearn import vectors
found = vectors.read("wiki.bin")          # word2vec's text or binary form, fastText's .bin
found.nearest(found["king"], 5)
"""

from deeplearn.vectors.files import read, write
from deeplearn.vectors.table import Subwords, Vectors

__all__ = ["Subwords", "Vectors", "read", "write"]
