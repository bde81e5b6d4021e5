"""Makes README's tables from the results here, or makes results again.

python -m results                      writes README's tables
python -m results run NAME ...         runs entries of the manifest again and keeps their results
python -m results run --all            the same for all that are not marked as earlier
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from deeplearn.errors import UserError
from results.tables import README, file, manifest, with_tables


def again(entry: dict[str, Any]) -> None:
    """Runs an entry's command in a directory of its own and keeps its results.json."""
    name = entry["result"]
    workdir = Path("runs/results") / name.replace(" ", "_")
    command = ["-m", f"experiments.{name.split()[0]}", *shlex.split(entry["flags"])]
    subprocess.run([sys.executable, *command, f"--workdir={workdir}"], check=True)
    found = json.loads((workdir / "results.json").read_text())
    found["command"] = shlex.join(["python", *command])  # without the directory of this one run
    file(entry).write_text(json.dumps(found, indent=1) + "\n")


def main(arguments: list[str]) -> int:
    entries = {entry["result"]: entry for family in manifest().values() for entry in family}
    if arguments[:1] == ["run"]:
        names = arguments[1:]
        if names == ["--all"]:
            names = [name for name, entry in entries.items() if not entry.get("earlier")]
        if unknown := [name for name in names if name not in entries]:
            print(f"error: the manifest has no entry {unknown[0]!r}: {', '.join(entries)}", file=sys.stderr)
            return 2
        failed = []
        for name in names:
            try:
                again(entries[name])
            except subprocess.CalledProcessError as error:
                failed.append(f"{name} (exit code {error.returncode})")
        if failed:
            print(f"error: {', '.join(failed)} did not end well: their results stay as they were", file=sys.stderr)
            return 1
    elif arguments:
        asked = arguments[0] in ("-h", "--help")
        print(__doc__ if asked else f"error: unexpected argument {arguments[0]!r} (--help says what there is)")
        return 0 if asked else 2
    else:
        try:
            README.write_text(with_tables(README.read_text()))
        except UserError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
