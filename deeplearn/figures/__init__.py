"""What is drawn: arrays in, PIL images out. Nothing here writes a file; call `.save(path)`."""
