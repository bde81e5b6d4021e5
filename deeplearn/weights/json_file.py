"""A JSON file beside weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from deeplearn.errors import UserError, reason


def read_json(file: Path, what: str) -> Any:
    """What a JSON file holds; it should say `what`. UserError where it is missing or damaged."""
    if not file.is_file():
        raise UserError(f"there is no {file}, which would say {what}")
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{file} cannot be read as JSON ({reason(error)})") from None


def read_object(file: Path, what: str) -> dict[str, Any]:
    """As `read_json`, of an object."""
    found = read_json(file, what)
    if not isinstance(found, dict):
        raise UserError(f"{file} should hold one JSON object, {{…}}, that says {what}")
    return found
