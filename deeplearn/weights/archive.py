"""A file inside a zip, unless it is a bomb: little that unpacks into far more than memory holds."""

from __future__ import annotations

import zipfile

MOST = 100  # times its packed size: weights hardly get smaller by packing, and torch and Keras do not pack
FREE = 2**26  # bytes that any member may have


def member(archive: zipfile.ZipFile, name: str) -> bytes:
    """The contents of a member. ValueError where it would be larger than what was packed can be."""
    found = archive.getinfo(name)
    if found.file_size > max(FREE, MOST * found.compress_size):
        raise ValueError(f"{name} in it unpacks from {found.compress_size} to {found.file_size} bytes")
    return archive.read(name)
