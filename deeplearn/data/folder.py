"""The user's own images: `folder:PATH`, one sub-folder per class.

If PATH holds train/ and test/ (and perhaps validation/) these are the splits, each with the class folders
inside; otherwise the images are cut 80 / 10 / 10. `folder:PATH@64` cuts the central square out of each and
resizes it to 64×64; without @ all images must have one size. Images are grey when all are grey, else RGB;
transparency is dropped. Files without an image's extension are not read.
"""

from pathlib import Path
from typing import Any

import numpy as np

from deeplearn.data import decode
from deeplearn.data.dataset import Dataset
from deeplearn.data.images import fit, split_side
from deeplearn.data.partition import carve, train_validation_test
from deeplearn.data.split import Arrays, Records
from deeplearn.errors import UserError

SEED = 0
SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}
GREY_MODES = {"1", "L", "LA"}
# Cameras record how they were held. (In a PNG that may come last, so reading it decodes the image.)
CAMERA_FORMATS = {"JPEG", "MPO", "TIFF", "WEBP"}
ORIENTATION = 0x0112  # the EXIF tag; 5 to 8 are turned by 90°
DEEP_MODES = {"I", "F", "I;16", "I;16B", "I;16L"}

Entry = tuple[Path, int]  # an image file and its label


def load_folder(path: str) -> Dataset:
    """Loads a folder of images. Raises UserError for any mistake in it."""
    location, side = split_side(path)
    root = Path(location).expanduser()
    if not root.is_dir():
        raise UserError(f"there is no folder {root}: check the path after folder:.")
    classes, entries = _find_splits(root)
    everything = [entry for split in entries.values() for entry in split]
    height, width, channels = _common_shape(sorted(file for file, _ in everything), side, path)
    columns = {"image": ((height, width, channels), np.uint8), "label": ((), np.int32)}
    small = len(everything) * height * width * channels <= decode.MEMORY_BYTES

    def read(entry: Entry) -> dict[str, Any]:
        file, label = entry
        return {"image": read_image(file, (height, width, channels), side), "label": label}

    def split(entries: list[Entry]) -> Any:
        if not small:
            return Records(entries, read, columns, levels=256)
        images = np.empty((len(entries), height, width, channels), np.uint8)
        for row, (file, _) in enumerate(entries):
            images[row] = read_image(file, (height, width, channels), side)
        labels = np.array([label for _, label in entries], np.int32)
        return Arrays({"image": images, "label": labels}, levels=256)

    splits = {name: split(chosen) for name, chosen in entries.items()}
    return Dataset(name=f"folder:{path}", classes=classes, levels=256, **splits)


def _find_splits(root: Path) -> tuple[tuple[str, ...], dict[str, list[Entry]]]:
    if (root / "train").is_dir() and (root / "test").is_dir():
        classes = _class_names(root / "train")
        entries = {
            name: _entries(root / name, classes)
            for name in ("train", "validation", "test")
            if (root / name).is_dir()
        }
        if "validation" not in entries:
            train = entries["train"]
            kept, carved = carve(np.array([label for _, label in train]), SEED)
            entries["train"] = [train[index] for index in kept]
            entries["validation"] = [train[index] for index in carved]
        return classes, entries
    classes = _class_names(root)
    found = _entries(root, classes)
    if len(found) < 3:
        raise UserError(f"{root} holds only {len(found)} images: three splits need at least 3.")
    orders = train_validation_test(np.array([label for _, label in found]), SEED)
    names = ("train", "validation", "test")
    return classes, {name: [found[index] for index in order] for name, order in zip(names, orders, strict=True)}


def _class_names(root: Path) -> tuple[str, ...]:
    names = tuple(sorted(path.name for path in root.iterdir() if path.is_dir() and path.name[0] != "."))
    if not names:
        raise UserError(f"there are no images in {root}: put them into one sub-folder per class.")
    return names


def _entries(root: Path, classes: tuple[str, ...]) -> list[Entry]:
    """All images of one split, class after class."""
    for name in _class_names(root):
        if name not in classes:
            raise UserError(f"{root / name} is a class that train has no folder for: add it there, or remove it.")
    entries = []
    for label, name in enumerate(classes):
        folder = root / name
        files = sorted(folder.iterdir()) if folder.is_dir() else []
        images = [file for file in files if file.suffix.lower() in SUFFIXES and file.name[0] != "."]
        if not images:
            raise UserError(f"the class folder {folder} holds no images: add some, or remove it.")
        entries += [(file, label) for file in images]
    return entries


def _common_shape(files: list[Path], side: int | None, path: str) -> tuple[int, int, int]:
    """The one shape [H, W, C] of all images, from their headers."""
    grey = True
    first_size: tuple[int, int] | None = None
    for file in files:
        (width, height), mode = _header(file)
        grey = grey and mode in GREY_MODES
        first_size = first_size or (width, height)
        if not side and (width, height) != first_size:
            raise UserError(
                f"images differ in size: {files[0]} is {first_size[0]}×{first_size[1]} and {file} "
                f"{width}×{height}: add @SIDE, such as folder:{path}@64, to cut all to one size."
            )
    width, height = (side, side) if side else first_size  # type: ignore[misc]
    return height, width, 1 if grey else 3


def _header(file: Path) -> tuple[tuple[int, int], str]:
    """An image's (width, height) as it is meant to be seen, and its mode."""
    from PIL import Image

    try:
        with Image.open(file) as image:
            size, mode = image.size, image.mode
            sideways = image.format in CAMERA_FORMATS and image.getexif().get(ORIENTATION, 1) >= 5
    except (OSError, SyntaxError, ValueError) as error:
        raise _unreadable(file) from error
    if mode in DEEP_MODES:
        raise UserError(f"{file} has more than 8 bits a channel: convert it to 8 bits.")
    return (size[::-1] if sideways else size), mode


def read_image(file: Path, shape: tuple[int, int, int], side: int | None) -> np.ndarray:
    """The decoded image, uint8 [H, W, C]."""
    from PIL import Image, ImageOps

    try:
        with Image.open(file) as image:
            upright = ImageOps.exif_transpose(image) if image.format in CAMERA_FORMATS else image
            picture = upright.convert("L" if shape[-1] == 1 else "RGB")
    except (OSError, SyntaxError, ValueError) as error:
        raise _unreadable(file) from error
    pixels = np.asarray(picture).reshape(picture.height, picture.width, shape[-1])
    return fit(pixels, side) if side else pixels


def _unreadable(file: Path) -> UserError:
    return UserError(f"{file} cannot be read as an image: replace it, or remove it.")
