"""Twenty runs killed with `kill -9` at random moments: each must end with the digest of an undisturbed run.

    python -m benchmarks.kills

Not part of `make bench`: it takes some minutes. The moment is uniform over the whole length of a run, so that kills
fall into start-up, compilation, training, saving and evaluation alike; every second run is killed twice.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 20
COMMAND = ["-m", "experiments.adversarial.gan", "--dataset=mixture/ring", "--steps=3000", "--batch_size=64"]
COMMAND += ["--log_every=50", "--checkpoint_every=150", "--replicas=2"]


def start(workdir: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, *COMMAND, f"--workdir={workdir}"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def finished(workdir: Path) -> tuple[str, str]:
    """(digest, metrics lines) of a run after its end."""
    if start(workdir).wait():
        raise SystemExit(f"the run in {workdir} failed")
    return json.loads((workdir / "results.json").read_text())["digest"], (workdir / "metrics.jsonl").read_text()


def newest(workdir: Path) -> int:
    return max((int(p.name) for p in workdir.glob("checkpoints/*") if p.name.isdigit()), default=0)


def main() -> None:
    rng = random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        finished(Path(folder) / "warm")  # fills the compilation cache, so that all runs are alike
        begun = time.monotonic()
        whole = finished(Path(folder) / "whole")
        seconds = time.monotonic() - begun
        print(f"a run takes {seconds:.1f} s; digest {whole[0][:12]}")
        equal = 0
        for number in range(RUNS):
            workdir, kills = Path(folder) / str(number), []
            for _ in range(1 + number % 2):
                process = start(workdir)
                moment = rng.uniform(0, seconds)
                time.sleep(moment)
                process.kill()
                process.wait()
                kills.append(f"{moment:.1f} s (newest checkpoint {newest(workdir)})")
            same = finished(workdir) == whole
            equal += same
            print(f"run {number}: killed at {', '.join(kills)}: {'same bits' if same else 'DIFFERENT'}", flush=True)
    print(f"{equal} of {RUNS} ended with the digest and the metrics of the run that was left alone")


if __name__ == "__main__":
    main()
