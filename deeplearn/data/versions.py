"""Which version of a TFDS data set is prepared in a directory."""

import json
import re
from pathlib import Path

from deeplearn.data.builders import OWN


def find(name: str, directory: Path) -> Path | None:
    """The records of a prepared data set: its newest version's directory (for ours, this code's version)."""
    root = directory / name
    if "/" not in name and (default := _default_config(root)):
        root /= default
    own = OWN.get(name.partition("/")[0])
    versions = [
        path
        for path in (root.iterdir() if root.is_dir() else ())
        if re.fullmatch(r"\d+\.\d+\.\d+", path.name)
        and (path / "dataset_info.json").exists()
        and (own is None or path.name == own.version)
    ]
    return max(versions, key=lambda path: [int(part) for part in path.name.split(".")], default=None)


def _default_config(root: Path) -> str | None:
    metadata = root / ".config" / "metadata.json"
    try:
        return json.loads(metadata.read_text())["default_config_name"] if metadata.exists() else None
    except (ValueError, KeyError, TypeError):  # damaged: as if it were not there
        return None
