"""Runs that are read all the time while they train: each must end with the digest of a run that is left alone.

    python -m benchmarks.readers

Not part of `make bench`: it takes some minutes. Checkpoints are written all the time, so that what is read is being
deleted. classify, anomalies, the codec and `deeplearn.runs` read in turn, each as its command does.
"""

from __future__ import annotations

import collections
import contextlib
import io
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from deeplearn.codec.__main__ import main as codec
from deeplearn.command import execute, exit_code
from deeplearn.errors import UserError
from deeplearn.runs.__main__ import main as runs
from deeplearn.weights.anomalies import main as anomalies
from deeplearn.weights.classify import main as classify

COMMON = ["--checkpoint_every=50", "--log_every=50"]
TRAINED = {
    "foundations.mlp": ["--steps=5000"],
    "autoencoders.anomaly": ["--steps=2500"],
    "autoencoders.compression": ["--steps=2500"],
}
Command = tuple[Callable[[Sequence[str]], object], list[str]]


def start(name: str, workdir: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", f"experiments.{name}", *TRAINED[name], *COMMON, f"--workdir={workdir}"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def ended(process: subprocess.Popen[bytes], workdir: Path) -> dict[str, Any]:
    """What the run measured and its digest."""
    _, said = process.communicate()
    if process.returncode:
        raise SystemExit(f"the run in {workdir} ended with {process.returncode}: {said.decode()[-500:]}")
    results = json.loads((workdir / "results.json").read_text())
    return {key: results[key] for key in ("digest", "metrics")}


def readers(name: str, run: Path, alone: Path, folder: Path) -> list[Command]:
    own: dict[str, list[Command]] = {
        "foundations.mlp": [(classify, [f"--weights={run}", f"--image={folder}/digit.png"])],
        "autoencoders.anomaly": [
            (anomalies, [f"--run={run}", f"--images={folder}/digits.npz", f"--output={folder}/x.csv"])
        ],
        "autoencoders.compression": [
            (codec, ["compress", f"--run={run}", f"--data=npz:{folder}/digits.npz", f"--file={folder}/x.bb"]),
            (runs, ["sample", f"--run={run}", f"--file={folder}/x.png"]),
        ],
    }
    return [
        *own[name],
        (runs, ["compare", f"--run={run}", f"--with={alone}"]),
        (runs, ["export", f"--run={run}", f"--file={folder}/x.safetensors"]),
    ]


def read(command: Command) -> str:
    """How a reader ended: "read", or the sentence it gave."""
    main, arguments = command
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = exit_code(main, arguments)
    return "read" if code == 0 else said.getvalue().strip()


def main(_: Sequence[str]) -> None:
    different = []
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name_of_folder:
        folder = Path(name_of_folder)
        digits = (17 * rng.integers(16, size=(20, 8, 8))).astype(np.uint8)
        np.savez(folder / "digits.npz", image=digits // 17, levels=17)
        Image.fromarray(digits[0]).save(folder / "digit.png")
        for name in TRAINED:
            alone, run = folder / f"{name}-alone", folder / f"{name}-read"
            begun = time.monotonic()
            expected = ended(start(name, alone), alone)
            seconds = time.monotonic() - begun
            begun, process = time.monotonic(), start(name, run)
            while process.poll() is None and not run.exists():
                time.sleep(0.1)
            counts: collections.Counter[str] = collections.Counter()
            for command in itertools.cycle(readers(name, run, alone, folder)):
                if process.poll() is not None:
                    break
                counts[read(command).replace(str(folder), "")] += 1
            same = ended(process, run) == expected
            took = time.monotonic() - begun
            print(
                f"{name}: alone {seconds:.0f} s, read {took:.0f} s: {'same' if same else 'DIFFERENT'}", flush=True
            )
            for said, times in counts.most_common():
                print(f"    {times:4d} × {said}", flush=True)
            different += [] if same else [name]
    if different:
        raise UserError(f"{', '.join(different)} did not end as if alone")


if __name__ == "__main__":
    execute(main, sys.argv[1:])
