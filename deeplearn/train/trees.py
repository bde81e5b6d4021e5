"""Parts of nested dictionaries by their paths: where the parameters of a network are in a tree.

A path is a tuple of keys; the empty one is the whole tree. In a `Turn`, a path is written "wgan/critic".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

Tree = Any
Path = tuple[str, ...]


def path_of(name: str) -> Path:
    """("wgan", "critic") of "wgan/critic"; () of ""."""
    return tuple(name.split("/")) if name else ()


def part(tree: Tree, paths: Collection[Path]) -> Tree:
    """The sub-tree of `tree` under the paths; paths that do not exist are left out."""
    if () in paths:
        return tree
    if not isinstance(tree, Mapping):
        return {}
    result = {}
    for key in dict.fromkeys(path[0] for path in paths):
        below = part(tree.get(key, {}), [path[1:] for path in paths if path[0] == key])
        if not is_empty(below):
            result[key] = below
    return result


def is_empty(tree: Tree) -> bool:
    return isinstance(tree, Mapping) and not tree


def joined(tree: Tree, other: Tree) -> Tree:
    """`tree` with everything in `other` at the same paths; neither is changed."""
    if not (isinstance(tree, Mapping) and isinstance(other, Mapping)):
        return other
    return {**tree, **{key: joined(tree[key], below) if key in tree else below for key, below in other.items()}}


def at(tree: Tree, path: Path) -> Tree:
    """The sub-tree at a path; {} where there is none."""
    for key in path:
        if not isinstance(tree, Mapping) or key not in tree:
            return {}
        tree = tree[key]
    return tree


def units(tree: Tree, paths: Iterable[Path]) -> tuple[Path, ...]:
    """Disjoint paths such that each of `paths` is a union of some, in the order of `tree`.

    A path above another one is replaced by its children, so ("wgan",) with ("wgan", "critic") gives ("wgan",
    "critic") and ("wgan", "generator").
    """
    wanted = set(paths)

    def cut(path: Path, inside: bool) -> list[Path]:
        inside = inside or path in wanted
        if not any(len(other) > len(path) and other[: len(path)] == path for other in wanted):
            return [path] if inside else []
        return [unit for key in at(tree, path) for unit in cut((*path, key), inside)]

    return tuple(cut((), False))


def unit_of(path: Path, known: Collection[Path]) -> Path:
    """The unit in which a leaf lies: one of `known`, or else the shortest path to it that is above none."""
    for length in range(len(path) + 1):
        start = path[:length]
        if start in known or not any(unit[:length] == start for unit in known):
            return start
    return path
