"""Diffusion, and what text-to-image systems are built from."""
