"""Layers and module tools that Flax lacks, one idea a file."""
