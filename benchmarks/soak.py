"""Fifty runs are stopped at random moments, by SIGKILL, SIGTERM or Ctrl-C: each must end as if left alone.

    python -m benchmarks.soak [--runs=50] [--seed=0]

Not part of `make bench`: it takes some half an hour. The moments are uniform over the whole length of a run, from
the first import to the last picture; a third of the runs is stopped twice, and some Ctrl-Cs are pressed twice.
Checked are the digest and the metrics, the exit code after every stop, that standard error holds a sentence and no
traceback, and the number of checkpoints.
"""

from __future__ import annotations

import contextlib
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from deeplearn.command import execute, parser
from deeplearn.errors import UserError

COMMAND = ["-m", "experiments.adversarial.gan", "--dataset=mixture/ring", "--steps=800", "--batch_size=64"]
COMMAND += ["--log_every=20", "--checkpoint_every=40", "--replicas=2"]
FIRST = 0.3  # seconds that Python takes before it imports anything of ours
CHECKPOINTS = 3  # at most
KINDS = {"SIGKILL": (-9,), "SIGTERM": (143,), "SIGINT": (130,), "SIGINT twice": (130,)}


def start(workdir: Path) -> subprocess.Popen[str]:
    command = [sys.executable, *COMMAND, f"--workdir={workdir}"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def finished(workdir: Path) -> tuple[str, str]:
    """(digest, metrics lines) of a run after its end."""
    process = start(workdir)
    _, said = process.communicate()
    if process.returncode:
        raise UserError(f"the run in {workdir} ended with {process.returncode}: {said}")
    return json.loads((workdir / "results.json").read_text())["digest"], (workdir / "metrics.jsonl").read_text()


def stop(workdir: Path, kind: str, moment: float) -> list[str] | None:
    """Starts a run and stops it after so many seconds; what was wrong with that, None where it had ended before."""
    process = start(workdir)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=moment)
        return None
    for number in range(1 + kind.endswith("twice")):
        time.sleep(0.2 * number)
        process.send_signal(signal.Signals[kind.split()[0]])
    asked = time.monotonic()
    _, said = process.communicate()
    seconds = time.monotonic() - asked
    wrong = []
    # A run whose results are written may be ending: with 0, or by the signal, once Python has no handlers any more.
    ending = (0, -signal.Signals[kind.split()[0]]) if _all_written(workdir) else ()
    if process.returncode not in (*KINDS[kind], *ending):
        wrong.append(f"exit code {process.returncode}")
    # Orbax warns of slow saves on a busy machine; the last line says how the run ended.
    if "Traceback" in said or (process.returncode > 0 and "same command" not in said.splitlines()[-1:][0]):
        wrong.append(f"said {said!r}")
    if seconds > 60:  # a busy machine takes its time to save
        wrong.append(f"took {seconds:.0f} s to stop")
    kept = [path.name for path in workdir.glob("checkpoints/*") if path.name.isdigit()]
    if len(kept) > CHECKPOINTS:
        wrong.append(f"{len(kept)} checkpoints")
    print(
        f"  {kind} after {moment:.1f} s: code {process.returncode} in {seconds:.1f} s, checkpoints {sorted(kept)}"
    )
    return wrong


def _all_written(workdir: Path) -> bool:
    results = workdir / "results.json"
    return results.exists() and "unfinished" not in json.loads(results.read_text())


def soak(runs: int, seed: int) -> int:
    """How many of the runs did not end as if left alone."""
    rng = random.Random(seed)
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        finished(Path(folder) / "warm")  # fills the compilation cache, so that all runs are alike
        begun = time.monotonic()
        whole = finished(Path(folder) / "whole")
        length = time.monotonic() - begun
        print(f"a run takes {length:.1f} s; digest {whole[0][:12]}", flush=True)
        for number in range(runs):
            workdir, wrong = Path(folder) / str(number), []
            for _ in range(1 + (number % 3 == 0)):
                moment = rng.uniform(FIRST, length)
                if (found := stop(workdir, rng.choice(list(KINDS)), moment)) is None:
                    length = moment  # the machine is less busy by now
                wrong += found or []
            try:
                wrong += [] if finished(workdir) == whole else ["other numbers"]
            except UserError as error:
                wrong.append(str(error))
            failed += bool(wrong)
            print(f"run {number}: {'; '.join(wrong) or 'as if left alone'}", flush=True)
    return failed


def main(arguments: Sequence[str]) -> None:
    flags = parser("benchmarks.soak", __doc__)
    flags.add_argument("--runs", type=int, default=50, help="runs to stop")
    flags.add_argument("--seed", type=int, default=0, help="seed of moments and signals")
    chosen = flags.parse_args(arguments)
    if failed := soak(chosen.runs, chosen.seed):
        raise UserError(f"{failed} of {chosen.runs} runs did not end as if left alone")
    print(f"{chosen.runs} of {chosen.runs} runs ended as if left alone")


if __name__ == "__main__":
    execute(main, sys.argv[1:])
