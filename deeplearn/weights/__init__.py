"""Loads weights of other libraries into our networks; saves and loads our own."""

from deeplearn.weights.files import read_tensors
from deeplearn.weights.load import load, load_into, probabilities
from deeplearn.weights.preprocessing import Preprocessing
from deeplearn.weights.saved import Config, save

__all__ = ["Config", "Preprocessing", "load", "load_into", "probabilities", "read_tensors", "save"]
