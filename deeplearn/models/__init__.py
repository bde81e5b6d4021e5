"""Architectures, one paper a file, paper-size and small configurations side by side."""
