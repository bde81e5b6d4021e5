"""Lossless files from likelihoods: an entropy coder, bits back with a trained VAE, and the file that holds it."""
