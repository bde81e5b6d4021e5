"""Autoencoders: plain, contractive, variational."""
