"""What is needed to repeat a run: the command, the code, the versions, the machine."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax

VERSIONS = ("jax", "flax", "optax", "numpy", "scikit-learn")


def provenance() -> dict[str, Any]:
    """{"command", "commit", "versions", "device"}; the commit is that of this code, "" without a checkout."""
    device = jax.devices()[0]
    kind = f"{os.cpu_count()} cores, {platform.machine()}" if device.platform == "cpu" else device.device_kind
    return {
        "command": command(),
        "commit": _commit(),
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in VERSIONS},
        },
        "device": f"{jax.device_count()} {device.platform} ({kind})",
    }


def command() -> str:
    """The command line of this process, as it would be typed."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    program = ["-m", spec.name.removesuffix(".__main__")] if spec else sys.argv[:1]
    return shlex.join(["python", *program, *sys.argv[1:]])


def _commit() -> str:
    here = Path(__file__).parent
    try:
        ask = ["git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
        return subprocess.run(ask, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
