"""Diffusion, and parts of text-to-image systems."""
