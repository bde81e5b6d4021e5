"""The user's own pairs of pictures: `pairs:DIR`, `source` and `target`, at one size by `pairs:DIR@64`.

DIR holds a folder A of sources and a folder B of targets, whose pictures have equal names; or pictures with a
source on their left and its target on their right half, as the data sets of pix2pix have them. Either may be in
folders for train, validation and test (`deeplearn.data.layouts`); else pairs are cut 80 / 10 / 10.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from deeplearn.data import decode
from deeplearn.data.dataset import Dataset
from deeplearn.data.folder import SEED, at_side, changes, common_shape, decoded
from deeplearn.data.images import fit
from deeplearn.data.labels import shown
from deeplearn.data.layouts import Layout, find_layout
from deeplearn.data.partition import own_splits
from deeplearn.data.pictures import read_header, read_picture
from deeplearn.data.split import Arrays, Records
from deeplearn.data.tree import Tree
from deeplearn.errors import UserError

SIDES = ("A", "B")
Shape = tuple[int, int, int]
Reader = Callable[[int], dict[str, np.ndarray]]


def load_picture_pairs(path: str) -> Dataset:
    """Raises UserError for any mistake in the folder."""
    root, side = at_side(path, "pairs")
    folders = {one.name.upper(): one for one in sorted(root.iterdir()) if one.is_dir()}
    if set(SIDES) & set(folders):
        layout, shapes, read, notes = _in_two_folders(root, folders, side)
    else:
        layout, shapes, read, notes = _side_by_side(root, side)
    found = np.array([entry.split for entry in layout.entries])
    given = {split or "train": np.flatnonzero(found == split) for split in set(found.tolist())}
    orders, cut = own_splits(given, np.zeros(len(found), np.int32), (), SEED)
    columns = {name: (shape, np.uint8) for name, shape in shapes.items()}
    small = len(found) * sum(int(np.prod(shape)) for shape in shapes.values()) <= decode.MEMORY_BYTES

    def split(order: np.ndarray) -> Arrays | Records:
        if not small:
            return Records(range(len(found)), read, columns, levels=256, order=order)
        pairs = [read(row) for row in order.tolist()]
        return Arrays({name: np.stack([pair[name] for pair in pairs]) for name in shapes}, levels=256)

    splits: dict[str, Any] = {name: split(order) for name, order in orders.items()}
    said = (*layout.notes, f"{len(found)} pairs of pictures", *notes, *cut)
    return Dataset(name=f"pairs:{path}", levels=256, notes=said, **splits)


def _in_two_folders(
    root: Path, folders: dict[str, Path], side: int | None
) -> tuple[Layout, dict[str, Shape], Reader, list[str]]:
    if missing := [name for name in SIDES if name not in folders]:
        raise UserError(f"{root} has no folder {missing[0]}: sources belong into A and their targets into B.")
    layouts = {name: find_layout(Tree(folders[name])) for name in SIDES}
    named: dict[str, dict[str, Path]] = {}
    for name, layout in layouts.items():
        named[name] = {str(file.relative_to(folders[name]).with_suffix("")): file for file in layout.files}
        if len(named[name]) < len(layout.files):
            raise UserError(f"two pictures in {folders[name]} differ in their suffixes alone: rename one.")
    for name, other in (SIDES, SIDES[::-1]):
        if alone := sorted(set(named[name]) - set(named[other])):
            raise UserError(
                f"pictures in {folders[name]} have no partner of the same name in {folders[other]}: {shown(alone)}."
            )
    order = list(named["A"])
    files = {"source": [named["A"][one] for one in order], "target": [named["B"][one] for one in order]}
    headers = {name: [read_header(file) for file in each] for name, each in files.items()}
    shapes = {name: common_shape(files[name], headers[name], side, f"pairs:{root}") for name in files}
    if shapes["source"][:2] != shapes["target"][:2]:
        (high, wide, _), (height, width, _) = shapes["source"], shapes["target"]
        raise UserError(
            f"the pictures in {folders['A']} are {wide}×{high} and those in {folders['B']} {width}×{height}: add "
            f"@SIDE, such as pairs:{root}@64, to cut all to one size."
        )

    def read(row: int) -> dict[str, np.ndarray]:
        return {name: decoded(files[name][row], shapes[name], side) for name in files}

    return layouts["A"], shapes, read, changes([*headers["source"], *headers["target"]])


def _side_by_side(root: Path, side: int | None) -> tuple[Layout, dict[str, Shape], Reader, list[str]]:
    tree = Tree(root)
    if not tree.count:
        raise UserError(f"there are no pairs in {root}: it needs folders A and B, or pictures side by side.")
    layout = find_layout(tree)
    files, headers = layout.files, [read_header(file) for file in layout.files]
    for file, header in zip(files, headers, strict=True):
        if header.size[0] % 2:
            raise UserError(
                f"{file} is {header.size[0]} pixels wide, an odd number, so it cannot be two pictures side by "
                f"side: put sources into {root}/A and targets into {root}/B, or remove it."
            )
    height, width, channels = common_shape(files, headers, side, f"pairs:{root}")
    half = (height, width if side else width // 2, channels)

    def read(row: int) -> dict[str, np.ndarray]:
        picture = read_picture(files[row]).convert("L" if channels == 1 else "RGB")
        pixels = np.asarray(picture).reshape(picture.height, picture.width, channels)
        middle = picture.width // 2
        parts = {"source": pixels[:, :middle], "target": pixels[:, middle:]}
        return {name: fit(part, side) if side else part for name, part in parts.items()}

    return layout, {"source": half, "target": half}, read, changes(headers)
