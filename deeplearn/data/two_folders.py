"""The user's own two sets of pictures without pairs: `unpaired:A,B`, two folders; `unpaired:A,B@64` at one size.

Each is read as `folder:` reads it, splits included; `source` is the first and `target` the second.
"""

from typing import Any

from deeplearn.data.dataset import Dataset
from deeplearn.data.folder import load_folder
from deeplearn.data.images import split_side
from deeplearn.data.unpaired import Beside
from deeplearn.errors import UserError


def load_two_folders(path: str) -> Dataset:
    """No split has pairs, and about["sizes"] is what each side has in train. UserError for any mistake."""
    folders = path.split(",")
    if len(folders) != 2 or not all(folders):
        raise UserError(
            f"unpaired:{path} should name two folders joined by a comma: unpaired:A,B, or unpaired:A,B@64."
        )
    _, side = split_side(folders[1])
    first = folders[0] if side is None or split_side(folders[0])[1] else f"{folders[0]}@{side}"
    source, target = load_folder(first), load_folder(folders[1])
    splits: dict[str, Any] = {
        split: Beside(source=getattr(source, split), target=getattr(target, split))
        for split in ("train", "validation", "test")
    }
    sizes = len(source.train), len(target.train)
    notes = [f"{name}: {note}" for name, one in (("source", source), ("target", target)) for note in one.notes]
    about = {"paired": (), "sizes": sizes}
    return Dataset(name=f"unpaired:{path}", levels=256, about=about, notes=tuple(notes), **splits)
