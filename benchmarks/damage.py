"""Every file of a checkpoint damaged in four ways, twice at the same step: each run must end as if undisturbed.

    python -m benchmarks.damage

Not part of `make bench`: it takes some minutes. A file of the newest checkpoint of a run is truncated to its half,
emptied, has one byte flipped, or is deleted, and the run is started again; when it has come by that step and saved
it anew, the same is done once more. It should end with the digest of the undisturbed run and say one sentence, or
nothing where the file matters to nobody; that one is then still there, and is not damaged twice.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deeplearn.train.launch import use_compilation_cache
from deeplearn.train.loop import run
from experiments.adversarial.gan import Config, build

NEWEST = 8
CONFIG = Config(dataset="mixture/ring", steps=NEWEST, batch_size=16, replicas=2, checkpoint_every=4)
SENTENCE = re.compile(
    r"checkpoint .* is damaged \(.*\) and was renamed to damaged-\*: resuming from the one of step 4"
)


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


HARM: dict[str, Callable[[Path], Any]] = {
    "truncated": truncate,
    "emptied": lambda file: file.write_bytes(b""),
    "flipped": flip,
    "deleted": Path.unlink,
}


def files(workdir: Path) -> list[Path]:
    """The files of the newest checkpoint that hold something. Some names are drawn at random at each save."""
    newest = workdir / "checkpoints" / str(NEWEST)
    return sorted(file for file in newest.rglob("*") if file.is_file() and file.stat().st_size)


def start(workdir: Path) -> tuple[str, list[str]]:
    """(digest, lines on standard error) of the run, started again from its checkpoints."""
    (workdir / "results.json").unlink(missing_ok=True)
    said = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
        results = run("adversarial.gan", without_pictures, dataclasses.replace(CONFIG, workdir=str(workdir)))
    return results["digest"], said.getvalue().splitlines()


def without_pictures(config: Config, dataset: Any) -> Any:
    def figures(report: Any) -> dict[str, Any]:
        return {}

    return dataclasses.replace(build(config, dataset), figures=figures, sheet=None, curves=None)


def verdict(digest: str, said: list[str], right: str) -> str:
    if digest != right:
        return "ANOTHER DIGEST"
    if not said:
        return "harmless"
    return "told" if len(said) == 1 and SENTENCE.fullmatch(said[0]) else f"SAID {len(said)} LINES: {said[0]}"


def main() -> None:
    use_compilation_cache()
    starts = wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole"
        right, _ = start(whole)
        names = [str(file.relative_to(whole / "checkpoints" / str(NEWEST))) for file in files(whole)]
        print(f"digest {right[:12]}; {len(names)} files, {len(HARM)} ways, each twice\n")
        for number, name in enumerate(names):
            found = []
            for harm, damage in HARM.items():
                workdir = Path(folder) / "copy"
                shutil.copytree(whole, workdir)
                each = []
                while len(each) < 2 and "harmless" not in each:
                    damage(files(workdir)[number])
                    each.append(verdict(*start(workdir), right))
                shutil.rmtree(workdir)
                starts += len(each)
                wrong += sum(word not in ("told", "harmless") for word in each)
                found.append(f"{harm}: {' and '.join(each)}")
            short = re.sub("[0-9a-f]{32}", "…", name)
            print(f"{short:42} {', '.join(found)}", flush=True)
    print(f"\n{starts - wrong} of {starts} starts ended in the same digest and said one sentence at most")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
