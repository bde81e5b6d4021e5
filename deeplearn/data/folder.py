"""The user's own images: `folder:PATH`, one sub-folder per class.

Splits may be given (`deeplearn.data.layouts` says how), and labels by a table beside the images
(`deeplearn.data.csv_labels`); without splits the images are cut 80 / 10 / 10. `folder:PATH@64` cuts the central
square out of each and resizes it to 64×64; without @ all images must have one size. Images are grey when all are
grey, else RGB (`deeplearn.data.pictures`). What was found, changed or left out is in the data set's `notes`.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from deeplearn.data import decode
from deeplearn.data.csv_labels import with_labels
from deeplearn.data.dataset import Dataset
from deeplearn.data.files import located
from deeplearn.data.images import fit, split_side
from deeplearn.data.labels import numbered, shown
from deeplearn.data.layouts import Layout, find_layout
from deeplearn.data.partition import absent_classes, own_splits, repeated
from deeplearn.data.pictures import Header, read_header, read_picture
from deeplearn.data.split import Arrays, Records, as_float
from deeplearn.data.tree import Tree
from deeplearn.errors import UserError

SEED = 0
UNREADABLE = 0.01  # the fraction of pictures that may be left out because they cannot be read

T = TypeVar("T")


def load_folder(path: str) -> Dataset:
    """Loads a folder of images. Raises UserError for any mistake in it."""
    root, side = at_side(path, "folder")
    layout = _layout(root)
    headers, layout = _readable(layout, read_header)
    height, width, channels = shape = common_shape(layout.files, headers, side, f"folder:{path}")
    small = len(layout.files) * height * width * channels <= decode.MEMORY_BYTES
    pixels: list[np.ndarray] = []

    if small:
        pixels, layout = _readable(layout, lambda file: decoded(file, shape, side))
    classes, label, notes = _numbered(layout)
    found = np.array([entry.split for entry in layout.entries])
    given = {split or "train": np.flatnonzero(found == split) for split in set(found.tolist())}
    orders, cut = own_splits(given, label, classes, SEED)
    labels = {"label": label} if classes else {}
    files = layout.files
    columns = {"image": (shape, np.uint8)} | dict.fromkeys(labels, ((), np.int32))

    def read(row: int) -> dict[str, Any]:
        return {"image": decoded(files[row], shape, side)} | {key: column[row] for key, column in labels.items()}

    def split(order: np.ndarray) -> Any:
        if not small:
            return Records(range(len(files)), read, columns, levels=256, order=order)
        image = np.stack([pixels[row] for row in order])
        return Arrays({"image": image} | {key: column[order] for key, column in labels.items()}, levels=256)

    splits = {name: split(order) for name, order in orders.items()}
    said = (*layout.notes, *changes(headers), *notes, *cut, *(repeated(pixels, orders) if small else ()))
    about = {"not in train": absent_classes(label[orders["train"]], classes)}
    return Dataset(name=f"folder:{path}", classes=classes, levels=256, about=about, notes=said, **splits)


def at_side(path: str, kind: str) -> tuple[Path, int | None]:
    """The folder that "PATH@64" names, and the side of its images; None where there is no @.

    kind: what stands before the colon, as in "folder:PATH". UserError where there is no such folder, or two.
    """
    location, side = split_side(path)
    if side and os.path.isdir(os.path.expanduser(path)):
        raise UserError(
            f"{kind}:{path} could be the folder of that name, or the images of {location} at {side} pixels: for "
            f"the first write {kind}:{path}/, for the other {kind}:{location}/@{side}."
        )
    return located(location, "folder", f"check the path after {kind}:"), side


def _layout(root: Path) -> Layout:
    tree = Tree(root)
    layout, tables = find_layout(tree), list(tree.every_table())
    if len(layout.names) < 2:
        return with_labels(layout, root, tables) if tables else layout
    if tables:
        layout.notes.append(f"not read, because folders give the classes: {shown(table.name for table in tables)}")
    return layout


def _numbered(layout: Layout) -> tuple[tuple[str, ...], np.ndarray, list[str]]:
    """(classes, label int32 [N], notes); folders in the order of their names, labels of a table by their values."""
    names = [entry.name for entry in layout.entries]
    classes, notes = tuple(layout.names), list[str]()
    if not classes:
        return (
            (),
            np.zeros(len(names), np.int32),
            [f"{len(names)} pictures without class folders, so without labels"],
        )
    if layout.table:
        classes, label, notes = numbered(np.array(names), f"labels in {layout.table}")
    else:
        label = np.searchsorted(classes, names).astype(np.int32)
    return classes, label, [*notes, f"{len(label)} pictures, {len(classes)} class(es): {shown(classes)}"]


def _readable(layout: Layout, read: Callable[[Path], T]) -> tuple[list[T], Layout]:
    """What `read` makes of each file, and the layout without those that it cannot read; UserError for many."""
    results, bad = [], {}
    for file in layout.files:
        try:
            results.append(read(file))
        except UserError as error:
            bad[file] = str(error)
    if not bad:
        return results, layout
    first = next(iter(bad.values()))
    count = f"{len(bad)} of {len(layout.files)} pictures cannot be read"
    if len(bad) > UNREADABLE * len(layout.files):
        raise UserError(first if len(bad) == 1 else f"{count}, the first: {first}")
    return results, layout.without(bad, f"{count} and are left out, the first: {first}")


def changes(headers: Sequence[Header]) -> list[str]:
    """What reading the pictures changes in them."""
    counts = {
        "have more than 8 bits a channel: they are scaled to 8": sum(header.deep for header in headers),
        "have transparency, which is dropped": sum(header.transparent for header in headers),
        "have several frames: the first is read": sum(header.animated for header in headers),
    }
    return [f"{count} of {len(headers)} pictures {what}" for what, count in counts.items() if count]


def common_shape(
    files: Sequence[Path], headers: Sequence[Header], side: int | None, name: str
) -> tuple[int, int, int]:
    """The one shape [H, W, C] of all images; UserError where they differ. name: the data set's, without @SIDE."""
    (width, height), channels = headers[0].size, 1 if all(header.grey for header in headers) else 3
    if side:
        return side, side, channels
    for file, header in zip(files, headers, strict=True):
        if header.size != (width, height):
            raise UserError(
                f"images differ in size: {files[0]} is {width}×{height} and {file} "
                f"{header.size[0]}×{header.size[1]}: add @SIDE, such as {name}@64, to cut all to one size."
            )
    return height, width, channels


def read_image(file: Path, shape: tuple[int, int, int], side: int | None) -> np.ndarray:
    """The decoded image, uint8 [H, W, C]."""
    picture = read_picture(file).convert("L" if shape[-1] == 1 else "RGB")
    pixels = np.asarray(picture).reshape(picture.height, picture.width, shape[-1])
    return fit(pixels, side) if side else pixels


def decoded(file: Path, shape: tuple[int, int, int], side: int | None) -> np.ndarray:
    """`read_image` of the shape that was made out from headers. UserError where it has another."""
    image = read_image(file, shape, side)
    if image.shape != shape:
        raise UserError(f"{file} has another size than its header says: replace it, or remove it.")
    return image


def as_example(file: Path, shape: tuple[int, int, int]) -> np.ndarray:
    """A picture as an example of a set whose images are [H, W, C]: float32 in [0, 1].

    Where these are squares the picture's central one is cut out and resized. UserError where it cannot be read, or
    has another size.
    """
    height, width, channels = shape
    if channels not in (1, 3):
        raise UserError(f"the network sees images of {channels} channels, and {file} cannot have as many")
    image = read_image(file, shape, height if height == width else None)
    if image.shape != shape:
        raise UserError(f"{file} should have {height}×{width} pixels, as the images have that the network knows")
    return as_float(image, 256)
